# frozen_string_literal: true

RSpec.describe StackyardCookbook::DaemonJson do
  mirror = 'https://mirror.example:5001'
  written = "{\n  \"registry-mirrors\": [\n    \"#{mirror}\"\n  ],\n  \"insecure-registries\": []\n}\n"

  it('writes both keys') { expect(described_class.with(nil, mirrors: [mirror])).to eq(written) }

  it 'changes nothing the second time, however the mirror is written' do
    [written, "{\"insecure-registries\":[],\"registry-mirrors\":[\"#{mirror}/\"]}"].each do |text|
      expect(described_class.with(text, mirrors: ["#{mirror}/"])).to equal(text)
    end
  end

  it 'keeps what is not ours, and its order' do
    text = '{"live-restore":true,"registry-mirrors":["https://other.example"],"x":{"y":[]}}'
    expect(JSON.parse(described_class.with(text, mirrors: [mirror], insecure: ['reg:5000'])).to_a).to eq(
      [['live-restore', true], ['registry-mirrors', ['https://other.example', mirror]], ['x', { 'y' => [] }],
       ['insecure-registries', ['reg:5000']]]
    )
  end

  it 'takes ours out and leaves both lists, for dockerd keeps a key that is gone' do
    start = '{"a":1,"registry-mirrors":["https://other.example"],"insecure-registries":[]}'
    text = described_class.with(start, mirrors: [mirror], insecure: ['reg:5000'])
    text = described_class.without(text, mirrors: ["#{mirror}/"], insecure: ['reg:5000'])
    expect(JSON.parse(text)).to eq(JSON.parse(start))
    expect(described_class.without(text, mirrors: [mirror])).to equal(text)
    expect(described_class.without(written, mirrors: [mirror]))
      .to eq("{\n  \"registry-mirrors\": [],\n  \"insecure-registries\": []\n}\n")
  end

  it 'has nothing to take out of an absent file or one without the keys' do
    expect(described_class.without(nil, mirrors: [mirror])).to be_nil
    expect(described_class.without('{"a":1}', mirrors: [mirror], insecure: ['reg:5000'])).to eq('{"a":1}')
  end

  ['null', '{}', '"x"', '[1]', '["x", null]', '7'].each do |value|
    it "refuses a key that is #{value}" do
      %w[registry-mirrors insecure-registries].each do |key|
        why = "/etc/docker/daemon.json: #{key} is no list of strings; correct it"
        expect { described_class.with("{\"#{key}\": #{value}}") }.to be_refused(why)
        expect { described_class.without("{\"#{key}\": #{value}}", mirrors: [mirror]) }.to be_refused(why)
      end
    end
  end

  it 'refuses mirrors and registries that dockerd would' do
    expect { described_class.with(nil, mirrors: ["#{mirror}/path"]) }.to be_refused(/path/)
    expect { described_class.with(nil, insecure: ['http://reg:5000']) }.to be_refused(/scheme/)
  end

  HostileTexts::JSON.each do |what, text|
    it "refuses a file #{what}" do
      expect { described_class.with(text, mirrors: [mirror]) }.to be_refused(%r{\A/etc/docker/daemon\.json: })
      expect { described_class.without(text, mirrors: [mirror]) }.to be_refused(%r{\A/etc/docker/daemon\.json: })
    end
  end
end
