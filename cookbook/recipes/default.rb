# frozen_string_literal: true

# A host of the registry: trust, login, mirrors, and the application if one is named.
include_recipe 'stackyard::client'
include_recipe 'stackyard::app' if node['stackyard']['app']['name']
