# frozen_string_literal: true

RSpec.describe StackyardCookbook::MirrorUrl do
  {
    'http://mirror:5001' => 'http://mirror:5001', 'https://mirror.example:5001/' => 'https://mirror.example:5001',
    'https://[::1]:5001' => 'https://[::1]:5001'
  }.each do |given, url|
    it("takes #{given}") { expect(described_class.parse(given)).to eq(url) }
  end

  {
    nil => /no URL/, '' => /no URL/, 'mirror.example' => /no URL/, 'ftp://mirror.example' => /no URL/,
    "https://mirror.example\xFF" => /beyond ASCII/, 'https://' => /it is empty/, 'https:///' => /it is empty/,
    'https://user:s3cret@mirror.example' => /a user/, 'https://mirror.example/hub' => /before 25 refuses a path/,
    'https://mirror.example//' => /before 25 refuses a path/, 'https://mirror.example?s3cret' => /a query/,
    'https://mirror.example/#x' => /fragment/, "https://mirror.example\n" => /blanks/, 'https://mirror.example:0' => /port/
  }.each do |given, why|
    it "refuses #{given.inspect}" do
      expect { described_class.parse(given) }.to be_refused(/\AdockerMirror: (?!.*s3cret).*#{why}.*; give /)
    end
  end

  it 'tells the authority and the scheme' do
    expect(described_class.authority('https://m.example:1')).to eq('m.example:1')
    expect([described_class.https?('https://m'), described_class.https?('http://m')]).to eq([true, false])
  end
end
