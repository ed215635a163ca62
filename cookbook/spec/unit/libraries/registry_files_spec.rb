# frozen_string_literal: true

# The contents are compared with the fixtures in client_files_spec.rb; these are the calls that resources make.
RSpec.describe StackyardCookbook do
  hosts = StackyardCookbook::HostsToml
  registries = StackyardCookbook::RegistriesConf
  mirror = StackyardCookbook::UpstreamMirror

  it 'names the files of a registry' do
    expect([hosts.path('reg:5000'), hosts.ca_path('reg:5000'), registries.path('[::1]:5'), registries.ca_path('reg:5000')])
      .to eq(%w[/etc/containerd/certs.d/reg:5000/hosts.toml /etc/containerd/certs.d/reg:5000/ca.crt
                /etc/containers/registries.conf.d/50-stackyard-[__1]_5.conf /etc/containers/certs.d/reg:5000/ca.crt])
  end

  ['../../etc:1', "a\"\n[x]:1", 'a/b:1', '', nil, "a.b\n", "a.b\0"].each do |name|
    it "lets no file be named or filled by #{name.inspect}" do
      [-> { hosts.path(name) }, -> { hosts.ca_path(name) }, -> { hosts.registry(name) }, -> { registries.path(name) },
       -> { registries.ca_path(name) }, -> { registries.registry(name) }, -> { mirror.new({ upstream: name }, 'reg:1') }]
        .each { |call| expect(&call).to be_refused }
    end
  end

  it 'takes an upstream whose name on the server is not asked for' do
    one = mirror.new({ upstream: 'reg.example:8443' }, 'reg:1')
    expect(hosts.mirror(one, 'reg:1')).to include('server = "https://reg.example:8443"')
    expect { registries.mirror(one, 'reg:1') }.to be_refused(/\Amirror\.name: reg\.example:8443 cannot be/)
  end

  ['', 'a/b', 'A', "a\n", '"', 7, 'a..b', "\xFF"].each do |name|
    it "refuses the name #{name.inspect}" do
      expect { mirror.new({ upstream: 'quay.io', name: name }, 'reg:1') }.to be_refused(/\Amirror\.name: it is no component/)
    end
  end

  [nil, 'docker.io', []].each do |values|
    it("refuses #{values.inspect} as a mirror") { expect { mirror.new(values, 'reg:1') }.to be_refused(/no mapping/) }
  end
end

RSpec.describe StackyardCookbook::ClientSetup do
  {
    { mirrors: 'docker.io' } => /\Amirrors: it is no list/, { mirrors: ['docker.io'] } => /\Amirrors\[0\]: it is no mapping/,
    { login: 'ann:s3cret' } => /\Alogin: (?!.*s3cret)/, { login: { username: 'ann' } } => /\Alogin\.password: it is empty/,
    { home: nil } => /\Ahome: /, { home: "/a\n" } => /\Ahome: /, { home: '/a/../b' } => /\Ahome: /, { home: 'a' } => /\Ahome: /,
    { ca: 7 } => /\Aca: it is no text/, { docker_mirror: 7 } => /\AdockerMirror: it is no URL/
  }.each do |values, why|
    it("refuses #{values}") { expect { described_class.new({ registry: 'reg:1' }.merge(values)) }.to be_refused(why) }
  end
end
