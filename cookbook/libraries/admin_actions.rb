# frozen_string_literal: true

require 'time'

module StackyardCookbook
  # What the resources that work by the admin API share; mixed into their action classes.
  module AdminActions
    ACCOUNT = /\A[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?\z/.freeze
    private_constant :ACCOUNT

    def client
      @client ||= client_as(admin_login)
    end

    def client_as(login)
      # A why-run waits for no server.
      patience = Chef::Config[:why_run] ? 0 : 30
      StackyardCookbook::AdminClient.new(new_resource.server, login, ca_file: new_resource.ca_file, patience: patience)
    end

    def account_path(kind)
      name = new_resource.account
      return "/#{kind}s/#{name}" if name.match?(ACCOUNT)

      raise StackyardCookbook::Invalid,
            "#{kind} #{name}: is no name; use 1 to 64 letters, digits, dots, dashes and underscores"
    end

    # The account as the server has it: [its value, its ETag], or nil; in a why-run also where no server is there yet.
    def account_of(path)
      answer = client.call('GET', path, allow: [404])
      answer.status == 404 ? nil : [answer.value, answer.etag]
    rescue StackyardCookbook::ServerFailure, StackyardCookbook::Invalid
      raise unless Chef::Config[:why_run]
    end

    def converge_grants(kind)
      return if new_resource.grants.nil? || (Chef::Config[:why_run] && account_of(account_path(kind)).nil?)

      grantee = "#{kind}:#{new_resource.account}"
      plan = StackyardCookbook::AccountPlan.grants(client.all('/grants', grantee: grantee), new_resource.grants)
      plan.add.each { |grant| add_grant(grantee, grant) }
      plan.remove.each { |grant| remove_grant(grantee, grant) }
    end

    def delete_account(kind)
      path = account_path(kind)
      return if account_of(path).nil?

      converge_by("delete the #{kind} #{new_resource.account}") do
        client.call('DELETE', path, etag: '*', allow: [404])
      end
    end

    private

    def add_grant(grantee, grant)
      converge_by("grant #{grantee} #{grant['actions'].join(',')} on #{grant['repositories']}") do
        client.call('POST', '/grants', body: grant.merge('grantee' => grantee))
      end
    end

    def remove_grant(grantee, grant)
      converge_by("take #{grant['actions'].join(',')} on #{grant['repositories']} from #{grantee}") do
        client.call('DELETE', "/grants/#{URI.encode_www_form_component(grantee)}/#{grant['id']}", allow: [404])
      end
    end

    def admin_login
      token = given_secret('admin_token', new_resource.admin_token, new_resource.admin_token_file)
      return { token: token } if token

      password = given_secret('admin_password', new_resource.admin_password, new_resource.admin_password_file)
      return { username: new_resource.admin_username, password: password } if password

      raise StackyardCookbook::Invalid,
            "server #{new_resource.server}: no login; give admin_token_file or admin_password_file"
    end

    def given_secret(what, text, file)
      StackyardCookbook::SecretText.from(what, text: text, file: file)
    end
  end
end
