# frozen_string_literal: true

provides :stackyard_robot
unified_mode true

use 'partial/_account'

property :expires_in, Integer
property :renew_before, Integer, default: lazy { (expires_in || 0) / 3 }
property :secret_file, String
property :secret_owner, String, default: 'root'

default_action :create

action :create do
  path = account_path('robot')
  current, etag = account_of(path)
  if current.nil?
    converge_by("make the robot #{new_resource.account}") do
      first = client.call('POST', '/robots', body: { name: new_resource.account }).value
      new_token if new_resource.secret_file
      # The one that comes with the robot has no note, so that nobody would know it again.
      client.call('DELETE', "/tokens/#{first.fetch('id')}", allow: [404])
      client.call('PATCH', path, body: { disabled: true }, etag: '*') if new_resource.disabled
    end
  else
    changes = StackyardCookbook::AccountPlan.changes(current, disabled: new_resource.disabled)
    unless changes.empty?
      converge_by("#{changes['disabled'] ? 'disable' : 'enable'} the robot #{new_resource.account}") do
        client.call('PATCH', path, body: changes, etag: etag)
      end
    end
    unless new_resource.secret_file.nil? || new_resource.disabled || token_serves?
      converge_by("make a new access token of the robot #{new_resource.account}") { new_token }
    end
  end
  converge_grants('robot')
end

action :delete do
  delete_account('robot')
  remove(new_resource.secret_file) if new_resource.secret_file
end

action_class do
  include StackyardCookbook::AdminActions
  include StackyardCookbook::HostActions

  # Tokens that this host made are known by it; those of other hosts stay.
  def note
    "Chef on #{node['fqdn'] || node['hostname'] || node.name}"
  end

  def token_serves?
    held = held_secret
    me = held && client_as(token: held).whoami
    return false if me.nil? || me['name'] != new_resource.account || !lasts?(me.fetch('token'))

    keep(held)
    true
  end

  # nil also for a file that is no secret, which is written anew.
  def held_secret
    ::File.exist?(new_resource.secret_file) ? given_secret('secret_file', nil, new_resource.secret_file) : nil
  rescue StackyardCookbook::Invalid
    nil
  end

  def lasts?(id)
    return true if new_resource.expires_in.nil?

    expires = client.call('GET', "/tokens/#{id}").value['expiresAt']
    !expires.nil? && Time.parse(expires) - Time.now > new_resource.renew_before
  end

  def new_token
    wish = { owner: new_resource.account, note: note, expiresIn: new_resource.expires_in }.compact
    made = client.call('POST', '/tokens', body: wish).value
    keep(made.fetch('secret'))
    client.all('/tokens', owner: new_resource.account).each do |token|
      next if token['id'] == made['id'] || token['note'] != note

      client.call('DELETE', "/tokens/#{token['id']}", allow: [404])
    end
  end

  def keep(secret)
    return if new_resource.secret_file.nil?

    place(new_resource.secret_file, "#{secret}\n", mode: '0600', secret: true,
                                                   owner: new_resource.secret_owner, group: group_of(new_resource.secret_owner))
  end
end
