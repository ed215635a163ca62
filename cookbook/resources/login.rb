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
  if why_run? && new_resource.password_file && !::File.exist?(new_resource.password_file)
    return converge_by("log #{new_resource.user} in at #{new_resource.registry}") { nil }
  end

  password = StackyardCookbook::SecretText.required('password', text: new_resource.password,
                                                                file: new_resource.password_file)
  helper = new_resource.credential_helper
  change_file { |text| helper ? with_helper(text, helper) : with_login(text, password) }
  store(helper, password) if helper
  name_auth_file if new_resource.engine == 'crio'
end

action :delete do
  change_file(absent: false) do |text|
    StackyardCookbook::LoginFile.without(text, new_resource.registry, path: new_resource.path)
  end
end

action_class do
  include StackyardCookbook::HostActions
  include StackyardCookbook::OwnFile

  # absent: whether a file that is not there is made.
  def change_file(absent: true)
    user = new_resource.user
    path = new_resource.path
    held = own_file(user, path)
    return if held.nil? && !absent

    keep_own_file(user, path, yield(held&.first), held)
  end

  def with_helper(text, helper)
    StackyardCookbook::LoginFile.with_helper(text, new_resource.registry, helper, path: new_resource.path)
  end

  def with_login(text, password)
    StackyardCookbook::LoginFile.with(text, new_resource.registry, new_resource.username, password, path: new_resource.path)
  end

  # The helper keeps the secret; it is asked first, and told by its standard input.
  def store(helper, password)
    held = ask_helper(helper, 'get', new_resource.registry)
    wished = { 'Username' => new_resource.username, 'Secret' => password }
    return if held && wished.all? { |key, value| held[key] == value }

    converge_by("have docker-credential-#{helper} keep the login at #{new_resource.registry}") do
      ask_helper(helper, 'store', JSON.generate(wished.merge('ServerURL' => new_resource.registry))) ||
        raise(StackyardCookbook::Invalid,
              "credential_helper #{helper}: docker-credential-#{helper} store failed; is it installed and set up?")
    end
  end

  # Its answer, nil where it has none. Raises Invalid.
  def ask_helper(helper, verb, input)
    answer = as_user(new_resource.user, "docker-credential-#{helper}", verb, input: input)
    return nil unless answer.exitstatus&.zero?

    answer.stdout.strip.empty? ? {} : JSON.parse(answer.stdout)
  rescue JSON::ParserError
    raise StackyardCookbook::Invalid, "credential_helper #{helper}: docker-credential-#{helper} #{verb} answered no JSON"
  rescue Errno::ENOENT
    raise StackyardCookbook::Invalid, "credential_helper #{helper}: there is no docker-credential-#{helper} in the PATH"
  end

  # CRI-O is told of the file by a drop-in, which it reads at its start.
  def name_auth_file
    path = StackyardCookbook::CrioConf::PATH
    changed = place(path, StackyardCookbook::CrioConf.text)
    return unless active?('crio') && (changed || older_than?('crio', path))

    converge_by('restart crio, which reads global_auth_file at its start alone') do
      shell_out!('systemctl', 'restart', 'crio')
    end
  end
end
