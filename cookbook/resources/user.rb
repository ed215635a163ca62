# frozen_string_literal: true

provides :stackyard_user
unified_mode true

use 'partial/_account'

property :password, String, sensitive: true, coerce: StackyardCookbook::SecretText.coercion('password')
property :password_file, String
property :admin, [true, false]
property :groups, Array

default_action :create

action :create do
  path = account_path('user')
  wished = { admin: new_resource.admin, groups: new_resource.groups, disabled: new_resource.disabled }
  password = given_secret('password', new_resource.password, new_resource.password_file)
  current, etag = account_of(path)
  if current.nil?
    converge_by("make the user #{new_resource.account}") do
      made = { name: new_resource.account, password: password, admin: wished[:admin], groups: wished[:groups] }.compact
      client.call('POST', '/users', body: made)
      client.call('PATCH', path, body: { disabled: true }, etag: '*') if wished[:disabled]
    end
  else
    changes = StackyardCookbook::AccountPlan.changes(current, wished)
    changes['password'] = password if password && password_differs?(current, changes, password)
    unless changes.empty?
      converge_by("change #{changes.keys.join(', ')} of the user #{new_resource.account}") do
        client.call('PATCH', path, body: changes, etag: etag)
      end
    end
  end
  converge_grants('user')
end

action :delete do
  delete_account('user')
end

action_class do
  include StackyardCookbook::AdminActions

  # Only a login tells; one that is disabled gets none, so that its password is set when it is enabled again.
  def password_differs?(current, changes, password)
    return changes['disabled'] == false if current['disabled']

    client_as(username: new_resource.account, password: password).whoami.nil?
  end
end
