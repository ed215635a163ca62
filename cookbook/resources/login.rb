# frozen_string_literal: true

provides :stackyard_login
unified_mode true

property :registry, String, name_property: true
property :username, String, required: [:create]
property :password, String, sensitive: true
property :password_file, String
property :credential_helper, String
property :user, String, default: 'root'
property :engine, String, equal_to: %w[docker podman crio], default: 'docker'
property :path, String, default: lazy { default_path }

default_action :create

# Where the engine's client looks: docker, and every other client too, in .docker/config.json.
def default_path
  return StackyardCookbook::CrioConf::AUTH_PATH if engine == 'crio'

  home = ::Etc.getpwnam(user).dir
  engine == 'podman' ? "#{home}/.config/containers/auth.json" : "#{home}/.docker/config.json"
rescue ArgumentError
  raise StackyardCookbook::Invalid, "user #{user}: there is none of that name; make it first"
end

action :create do
  password = StackyardCookbook::SecretText.required('password', text: new_resource.password,
                                                                file: new_resource.password_file)
  helper = new_resource.credential_helper
  path = new_resource.path
  text = text_of(path)
  text = if helper
           StackyardCookbook::LoginFile.with_helper(text, new_resource.registry, helper, path: path)
         else
           StackyardCookbook::LoginFile.with(text, new_resource.registry, new_resource.username, password, path: path)
         end
  keep_secret(text)
  store(helper, password) if helper
  name_auth_file if new_resource.engine == 'crio'
end

action :delete do
  path = new_resource.path
  text = text_of(path)
  keep_secret(StackyardCookbook::LoginFile.without(text, new_resource.registry, path: path)) unless text.nil?
end

action_class do
  include StackyardCookbook::EngineActions

  def keep_secret(text)
    folders
    place(new_resource.path, text, mode: '0600', secret: true, owner: new_resource.user, group: group_of(new_resource.user))
  end

  # Those below the home are the user's own; the last holds secrets.
  def folders
    home = home_of(new_resource.user)
    last = ::File.dirname(new_resource.path)
    return unless last.start_with?("#{home}/")

    own_group = group_of(new_resource.user)
    parts = last.delete_prefix("#{home}/").split('/')
    parts.each_index do |index|
      folder = ::File.join(home, *parts[0..index])
      directory folder do
        owner new_resource.user
        group own_group
        mode '0700'
        not_if { ::Dir.exist?(folder) }
      end
    end
  end

  # The helper keeps the secret; it is asked first, and told by its standard input.
  def store(helper, password)
    held = ask_helper(helper, 'get', new_resource.registry)
    wished = { 'Username' => new_resource.username, 'Secret' => password }
    return if held && wished.all? { |key, value| held[key] == value }

    converge_by("have docker-credential-#{helper} keep the login at #{new_resource.registry}") do
      ask_helper(helper, 'store', JSON.generate(wished.merge('ServerURL' => new_resource.registry))) ||
        raise(StackyardCookbook::Invalid, "credential_helper #{helper}: docker-credential-#{helper} store failed; is it set up?")
    end
  end

  def ask_helper(helper, verb, input)
    home = home_of(new_resource.user)
    answer = shell_out("docker-credential-#{helper}", verb, input: input, user: new_resource.user,
                                                            environment: { 'HOME' => home })
    return nil unless answer.exitstatus.zero?

    answer.stdout.strip.empty? ? {} : JSON.parse(answer.stdout)
  rescue Errno::ENOENT
    raise StackyardCookbook::Invalid, "credential_helper #{helper}: there is no docker-credential-#{helper} in the PATH"
  end

  # CRI-O is told of the file by a drop-in, which it reads at its start.
  def name_auth_file
    changed = place(StackyardCookbook::CrioConf::PATH, StackyardCookbook::CrioConf.text)
    return unless changed && active?('crio')

    converge_by('restart crio, which reads global_auth_file at its start alone') do
      shell_out!('systemctl', 'restart', 'crio')
    end
  end
end
