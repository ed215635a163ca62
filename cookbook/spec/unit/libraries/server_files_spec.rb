# frozen_string_literal: true

require 'English'
require 'yaml'

RSpec.describe StackyardCookbook::ServerFiles do
  it 'writes the configuration as YAML, with the places of its files' do
    text = described_class.configuration(server: { port: 5001 }, storage: { driver: 'swift' })
    expect(YAML.safe_load(text)).to eq(
      'storage' => { 'filesystem' => { 'root' => '/var/lib/stackyard/data' }, 'driver' => 'swift' },
      'auth' => { 'adminPasswordFile' => '/var/lib/stackyard/admin-password' }, 'server' => { 'port' => 5001 }
    )
  end

  it 'lets the wish win over the place' do
    text = described_class.configuration('storage' => { 'filesystem' => { 'root' => '/srv/registry' } })
    expect(YAML.safe_load(text).dig('storage', 'filesystem', 'root')).to eq('/srv/registry')
  end

  [
    { storage: { swift: { password: 'hunter2' } } }, { 'storage' => { 'swift' => { 'key' => 'hunter2' } } },
    { storage: { swift: { applicationCredentialSecret: 'hunter2' } } }, { auth: { adminPassword: 'hunter2' } },
    { mirror: { upstreams: [{ name: 'docker.io', password: 'hunter2' }] } }
  ].each do |config|
    it "refuses the secret of #{config.keys.first}, without telling it" do
      expect { described_class.configuration(config) }
        .to be_refused(/\Aconfig [a-zA-Z.]+: a secret would be readable(?!.*hunter2)/)
    end
  end

  it 'takes files of secrets, and keys that are files' do
    config = { mirror: { upstreams: [{ name: 'x', passwordFile: '/p', key: '/k' }] }, server: { tls: { key: '/k' } },
               auth: { tokenMaxAge: '5m' } }
    expect { described_class.configuration(config) }.not_to raise_error
  end

  it 'writes an environment that systemd and a shell read alike' do
    value = %q(a"b\c$d`e 'f' #g)
    text = described_class.environment('OS_PASSWORD' => value)
    read = IO.popen(['sh', '-c', 'set -a; . /dev/stdin; printf %s "$OS_PASSWORD"'], 'r+') do |shell|
      shell.write(text)
      shell.close_write
      shell.read
    end
    expect(read).to eq(value)
  end

  it 'refuses what an environment cannot hold' do
    [{ 'A B' => '1' }, { 'A' => "1\n2" }, { 'A' => "1\0" }, { '1A' => '1' }].each do |values|
      expect { described_class.environment(values) }.to be_refused(/\Aenvironment /)
    end
  end

  { "v20.19.0\n" => true, "v22.1.0\n" => true, "v20.18.9\n" => false, "v18.20.4\n" => false }.each do |version, good|
    it "#{good ? 'takes' : 'refuses'} Node.js #{version.strip}" do
      check = -> { described_class.check_node('/usr/bin/node', version) }
      good ? expect(&check).not_to(raise_error) : expect(&check).to(be_refused(/needs 20.19 or newer/))
    end
  end
  it('refuses no Node.js') { expect { described_class.check_node('/n', '') }.to be_refused(/install it first/) }

  {
    {} => 'http://127.0.0.1:5000', { server: { host: '0.0.0.0', port: 443 } } => 'http://127.0.0.1:443',
    { server: { host: '10.1.2.3' } } => 'http://10.1.2.3:5000', { server: { host: 'fd00::1' } } => 'http://[fd00::1]:5000',
    { server: { tls: { certificate: '/c' } } } => 'https://127.0.0.1:5000'
  }.each { |config, url| it("asks #{url}") { expect(described_class.url(config)).to eq(url) } }

  it 'adds the certificate, and keeps a wish' do
    values = described_class.with_certificate('server' => { 'port' => 1, 'tls' => { 'clientCa' => '/ca' } })
    tls = { 'certificate' => '/etc/stackyard/certificate.pem', 'key' => '/etc/stackyard/certificate.key', 'clientCa' => '/ca' }
    expect(values).to eq('server' => { 'port' => 1, 'tls' => tls })
  end

  describe 'certificates' do
    def pair
      key = OpenSSL::PKey::EC.generate('prime256v1')
      made = OpenSSL::X509::Certificate.new
      made.public_key = key
      made.not_before = made.not_after = Time.now
      [made.sign(key, OpenSSL::Digest.new('SHA256')).to_pem, key.to_pem]
    end

    it('are none, or go with their key') do
      expect { described_class.check_certificate(nil, nil) }.not_to raise_error
      expect { described_class.check_certificate(*pair) }.not_to raise_error
    end

    it 'are refused without their own key, which is not told' do
      certificate, key = pair
      expect { described_class.check_certificate(certificate, pair.last) }.to be_refused(/key of another certificate/)
      expect { described_class.check_certificate(certificate, nil) }.to be_refused(/together with certificate_key/)
      expect { described_class.check_certificate('x', key) }.to be_refused(/\A(?!.*BEGIN).*is no PEM/)
      expect { described_class.check_certificate(certificate, 'hunter2') }.to be_refused(/\A(?!.*hunter2).*is no PEM/)
    end
  end

  it 'writes a command that a shell takes' do
    IO.popen(['sh', '-n'], 'w') { |shell| shell.write(described_class.command(node: '/usr/bin/node')) }
    expect($CHILD_STATUS).to be_success
  end

  it 'has the unit of the project' do
    unit = File.expand_path('../../../../deploy/stackyard.service', __dir__)
    skip 'the cookbook stands alone' unless File.exist?(File.expand_path('../../../../package.json', __dir__))
    expect(StackyardCookbook::UnitFile.text).to eq(File.read(unit))
    expect(StackyardCookbook::UnitFile.text(node: '/opt/node')).to include('ExecStart=/opt/node ')
  end
end
