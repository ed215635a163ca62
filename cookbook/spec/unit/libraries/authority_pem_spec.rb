# frozen_string_literal: true

RSpec.describe StackyardCookbook::AuthorityPem do
  block = "-----BEGIN CERTIFICATE-----\nMIIB\nAA==\n-----END CERTIFICATE-----"

  {
    'without a newline at its end' => block, 'with several' => "#{block}\n\n\n",
    'with CRLF' => "#{block}\n".gsub("\n", "\r\n"), 'read as bytes' => block.b
  }.each do |what, text|
    it("takes one #{what}") { expect(described_class.parse(text)).to eq("#{block}\n") }
  end

  it 'keeps several, and the words between them' do
    text = "# Root\n#{block}\n# Next, é\n#{block}\n"
    expect(described_class.parse(text)).to eq(text)
  end

  key = "-----BEGIN EC PRIVATE KEY-----\ns3cret\n-----END EC PRIVATE KEY-----\n"
  {
    nil => /no text/, '' => /no certificate/, 's3cret' => /no certificate/, "#{block}\n#{key}" => /private key/,
    key => /private key/, "#{block}\n-----BEGIN X509 CRL-----\n" => /something else/,
    "-----BEGIN CERTIFICATE-----\ns3cret!\n-----END CERTIFICATE-----" => /is broken/,
    block.delete_suffix('-----END CERTIFICATE-----') => /is broken/, "#{block}\xFF" => /UTF-8/,
    "#{block}\n\0" => /control characters/
  }.each do |text, why|
    it "refuses #{text.inspect[0, 60]}" do
      expect { described_class.parse(text) }.to be_refused(/\Aca: (?!.*s3cret).*#{why}/)
    end
  end
end
