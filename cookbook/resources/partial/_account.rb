# frozen_string_literal: true

property :account, String, name_property: true
property :server, String, required: true
property :ca_file, String
property :admin_username, String, default: 'admin'
property :admin_password, String, sensitive: true, coerce: StackyardCookbook::SecretText.coercion('admin_password')
property :admin_password_file, String
property :admin_token, String, sensitive: true, coerce: StackyardCookbook::SecretText.coercion('admin_token')
property :admin_token_file, String

property :grants, Array
property :disabled, [true, false]
