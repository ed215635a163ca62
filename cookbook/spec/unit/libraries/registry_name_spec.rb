# frozen_string_literal: true

RSpec.describe StackyardCookbook::RegistryName do
  %w[registry.example registry.example:5000 localhost localhost:5000 reg:5000 10.0.0.1 10.0.0.1:65535 [::1] [::1]:443
     [2001:db8::a]:5000 a-b.c-d.example xn--bcher-kva.example 1a.2b:1].each do |name|
    it("takes #{name}") { expect(described_class.parse(name)).to equal(name) }
  end

  {
    nil => /it is no text/, 7 => /it is no text/, '' => /it is empty/,
    'https://reg.example' => /a scheme/, 'user@reg.example' => /a user/, 'u:s3cret@reg.example' => /a user/,
    'reg.example/team' => /a path or query/, 'reg.example?x' => /a path or query/, 'reg.example#x' => /a path or query/,
    'reg.example ' => /blanks/, "reg.example\n" => /blanks/, "reg\0.example" => /blanks/, 'régistry.example' => /beyond ASCII/,
    "reg\xFF.example" => /beyond ASCII/, 'reg.example'.encode('UTF-16LE') => /beyond ASCII/, 'Reg.example' => /capitals/,
    'reg.example:' => /port/, 'reg.example:0' => /port/, 'reg.example:65536' => /port/, 'reg.example:050' => /port/,
    'reg.example:5000:1' => /port/, 'reg.example:x' => /port/, '.example' => /no host name/, 'reg..example' => /no host name/,
    '-reg.example' => /no host name/, 'reg-.example' => /no host name/, 'reg_a.example' => /no host name/,
    'reg"x.example' => /no host name/, 'reg\\x.example' => /no host name/, '1.2.3' => /no host name/, '1.2.3.256' => /no host/,
    '1.2.3.04' => /no host name/, 'reg.1' => /no host name/, '[::1' => /no host name/, '[::g]' => /no host name/,
    '[1.2.3.4]' => /no host name/, '[]:5' => /no host name/, '[::ffff:1.2.3.4]' => /no host name/, '::1' => /no host name/,
    "#{'a' * 250}.example" => /no host name/, 'reg' => /without a dot or port/, ('a' * 1_000_000) => /no host name/
  }.each do |text, why|
    it "refuses #{text.inspect[0, 40]}" do
      expect { described_class.parse(text, 'upstream') }.to be_refused(/\Aupstream: .*#{why}.*; give host\[:port\]/)
    end
  end

  it 'takes a host of one word where no image names it' do
    expect(described_class.authority('mirror', 'url')).to eq('mirror')
  end

  it 'tells nothing of what it refuses' do
    expect { described_class.parse('user:s3cret@reg.example') }.to be_refused(/\A(?!.*s3cret)/)
  end
end
