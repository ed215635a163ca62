# frozen_string_literal: true

# The tarball and Node.js are there before: `npm pack` of the project, and a Node.js of 20.19 or newer.
node.default['stackyard']['server']['source'] = '/srv/stackyard.tgz'
node.default['stackyard']['server']['config'] = { 'server' => { 'host' => '127.0.0.1' } }

include_recipe 'stackyard::server'
