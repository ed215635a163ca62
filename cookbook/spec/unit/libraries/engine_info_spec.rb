# frozen_string_literal: true

RSpec.describe StackyardCookbook::DockerInfo do
  info = JSON.generate(
    'RegistryConfig' => {
      'Mirrors' => ['https://m.example:5001/', 'http://other/'],
      'IndexConfigs' => { 'docker.io' => { 'Secure' => true }, 'reg:5000' => { 'Secure' => false, 'Mirrors' => [] } }
    }
  )

  it 'tells the mirrors' do
    expect(described_class.mirrors(info)).to eq(['https://m.example:5001', 'http://other'])
    expect(described_class.mirrors('{"RegistryConfig":{"Mirrors":null}}')).to eq([])
    expect(described_class.has?(info, 'https://m.example:5001/')).to be(true)
    expect(described_class.has?(info, 'http://m.example:5001')).to be(false)
  end

  it 'tells whether plain HTTP is allowed' do
    expect(%w[reg:5000 docker.io reg:5001].map { |name| described_class.insecure?(info, name) }).to eq([true, false, false])
    expect(described_class.insecure?('{"RegistryConfig":{}}', 'reg:5000')).to be(false)
  end

  ['', nil, '{}', '{"RegistryConfig":null,"ServerErrors":["Cannot connect"]}', '{"RegistryConfig":[]}',
   '{"RegistryConfig":{"Mirrors":{}}}', '{"RegistryConfig":{"Mirrors":[1]}}', 'Cannot connect'].each do |text|
    it("takes #{text.inspect} for no answer") { expect { described_class.mirrors(text) }.to be_refused(/\Adocker info: /) }
  end

  HostileTexts::JSON.each do |what, text|
    it("refuses a text #{what}") { expect { described_class.mirrors(text) }.to be_refused(/\Adocker info: /) }
  end
end

RSpec.describe StackyardCookbook::PodmanInfo do
  info = JSON.generate(
    'registries' => {
      'search' => ['docker.io'],
      'docker.io' => { 'Location' => 'docker.io', 'Mirrors' => [{ 'Location' => 'reg:5000/mirror/docker.io' }] },
      'quay.io' => { 'Location' => 'reg:5000/mirror/quay', 'Mirrors' => nil }
    }
  )

  it 'tells where an upstream is asked for' do
    expect(described_class.locations(info, 'docker.io')).to eq(['reg:5000/mirror/docker.io', 'docker.io'])
    expect(described_class.locations(info, 'quay.io')).to eq(['reg:5000/mirror/quay'])
    expect(described_class.locations(info, 'gcr.io')).to eq([])
    expect(described_class.has?(info, 'quay.io', 'reg:5000/mirror/quay')).to be(true)
    expect(described_class.has?(info, 'docker.io', 'reg:5000/mirror/quay')).to be(false)
  end

  ['', '{}', '{"registries":[]}', '{"registries":{"q":[]}}', '{"registries":{"q":{"Mirrors":{}}}}',
   '{"registries":{"q":{"Mirrors":["x"]}}}'].each do |text|
    it("refuses #{text}") { expect { described_class.locations(text, 'q') }.to be_refused(/\Apodman info: it tells/) }
  end

  HostileTexts::JSON.each do |what, text|
    it("refuses a text #{what}") { expect { described_class.locations(text, 'q') }.to be_refused(/\Apodman info: /) }
  end
end
