# frozen_string_literal: true

app = node['stackyard']['app']

if app['config_repository']
  git app['config_dir'] do
    repository app['config_repository']
    revision app['config_revision']
  end
end

# Another digest, or another configuration, is another container; an equal one is left alone.
stackyard_container app['name'] do
  image app['image']
  engine app['engine']
  config_dir app['config_dir'] if app['config_dir']
  environment(lazy { (node.run_state.dig('stackyard', 'app_environment') || {}).to_h })
  ports app['ports'].to_a
  volumes app['volumes'].to_a
  run_as app['run_as'] if app['run_as']
end
