# frozen_string_literal: true

provides :stackyard_login
unified_mode true

property :registry, String, name_property: true
property :username, String, required: [:create]
property :password, String, sensitive: true, coerce: StackyardCookbook::SecretText.coercion('password')
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
  # A helper that fails leaves the file, and the login in it, as it was.
  change_file { |text| helper ? with_helper(text, helper).tap { store(helper, password) } : with_login(text, password) }
  name_auth_file if new_resource.engine == 'crio'
end

action :delete do
  helper = new_resource.credential_helper || named_helper
  forget(helper) if helper
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

  # The helper that the file names.
  def named_helper
    path = new_resource.path
    held = own_file(new_resource.user, path)
    held && StackyardCookbook::LoginFile.helper(held.first, new_resource.registry, path: path)
  end

  # The helper keeps the secret; it is asked first, and told by its standard input.
  def store(helper, password)
    raise StackyardCookbook::Invalid, absence(helper) unless helper_there?(helper) || why_run?

    wished = { 'Username' => new_resource.username, 'Secret' => password }
    held = helper_there?(helper) ? kept_by(helper) : nil
    return if held&.slice(*wished.keys) == wished

    converge_by("have docker-credential-#{helper} keep the login at #{new_resource.registry}") do
      tell_helper(helper, 'store', stored(wished))
      other = kept_by(helper)
      replace(helper, other, wished) unless [nil, new_resource.username].include?(other&.dig('Username'))
    end
  end

  # For a helper that keeps a login for each username, and goes on to answer that of another one.
  def replace(helper, other, wished)
    tell_helper(helper, 'erase', new_resource.registry)
    tell_helper(helper, 'store', stored(wished))
  rescue StackyardCookbook::Invalid
    ask_helper(helper, 'store', stored(other))
    raise
  end

  def stored(login)
    JSON.generate(login.merge('ServerURL' => new_resource.registry))
  end

  def forget(helper)
    return Chef::Log.warn("#{absence(helper)}; what it keeps stays") unless helper_there?(helper)
    return if kept_by(helper) == {}

    converge_by("have docker-credential-#{helper} forget the login at #{new_resource.registry}") do
      tell_helper(helper, 'erase', new_resource.registry)
    end
  end

  def helper_there?(helper)
    installed?("docker-credential-#{helper}")
  end

  def absence(helper)
    "credential_helper #{helper}: there is no docker-credential-#{helper} in the PATH"
  end

  def kept_by(helper)
    StackyardCookbook::CredentialHelper.login(helper, ask_helper(helper, 'get', new_resource.registry))
  end

  def tell_helper(helper, verb, input)
    answer = ask_helper(helper, verb, input)
    return if answer.exitstatus&.zero?

    raise StackyardCookbook::Invalid,
          StackyardCookbook::CredentialHelper.failure(helper, verb, answer.exitstatus, new_resource.user)
  end

  def ask_helper(helper, verb, input)
    as_user(new_resource.user, "docker-credential-#{helper}", verb, input: input)
  rescue Errno::EPIPE
    raise StackyardCookbook::Invalid, "credential_helper #{helper}: docker-credential-#{helper} #{verb} ended before it had read"
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
