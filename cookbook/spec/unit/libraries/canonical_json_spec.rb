# frozen_string_literal: true

RSpec.describe StackyardCookbook::CanonicalJson do
  def merged(text, more = {})
    described_class.merge('/etc/x.json', text) { |file| file.merge(more) }
  end

  {
    [{}] => "[\n  {}\n]\n",
    {} => "{}\n",
    { 'a' => [] } => "{\n  \"a\": []\n}\n",
    { 'a' => { 'b' => [1, nil, true, false] } } =>
      "{\n  \"a\": {\n    \"b\": [\n      1,\n      null,\n      true,\n      false\n    ]\n  }\n}\n",
    "\"\\/\b\f\n\r\t\u0001\u001F\u007Fé\u2028😀" => "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\u007Fé\u2028😀\"\n",
    1.0 => "1\n",
    -2.5 => "-2.5\n",
    (2**70) => "#{2**70}\n"
  }.each do |value, text|
    it("writes #{value.inspect}") { expect(described_class.write(value)).to eq(text) }
  end

  it 'keeps a text byte for byte where nothing changes' do
    text = "{\t\"b\" : 1.50,\r\n\"a\":[ ],\"big\":123456789012345678901234567890}"
    expect(merged(text, 'b' => 1.5)).to equal(text)
    expect(merged(" \n")).to eq(" \n")
    expect(merged(nil)).to be_nil
  end

  it 'keeps the order of keys and puts new ones at the end' do
    expect(merged('{"z":1,"a":2}', 'm' => 3, 'a' => 4)).to eq("{\n  \"z\": 1,\n  \"a\": 4,\n  \"m\": 3\n}\n")
  end

  it 'reads a blank or absent file as an empty object' do
    [nil, '', " \r\n\t"].each { |text| expect(merged(text, 'a' => 1)).to eq("{\n  \"a\": 1\n}\n") }
  end

  it 'reads UTF-8 whatever the label of the text says' do
    [Encoding::BINARY, Encoding::US_ASCII, Encoding::ISO_8859_1].each do |encoding|
      expect(merged('{"a":"ä"}'.dup.force_encoding(encoding), 'b' => 1)).to eq("{\n  \"a\": \"ä\",\n  \"b\": 1\n}\n")
    end
  end

  it 'keeps the last of two keys of one name, as every engine does' do
    expect(merged('{"a":1,"a":2}', 'b' => 3)).to include('"a": 2').and(satisfy { |text| text.scan('"a"').length == 1 })
  end

  it 'keeps integers of any size, and reads escapes' do
    expect(merged('{"n":12345678901234567890,"s":"\u00e4\ud83d\ude00\/"}', 'b' => 1))
      .to eq("{\n  \"n\": 12345678901234567890,\n  \"s\": \"ä😀/\",\n  \"b\": 1\n}\n")
  end

  HostileTexts::JSON.each do |what, text|
    it("refuses a text #{what}") { expect { merged(text, 'b' => 1) }.to be_refused(%r{\A/etc/x\.json: it .*; correct it}) }
  end

  it 'refuses a number that JSON could not hold again' do
    expect { merged('{"a":1e999}', 'b' => 1) }.to be_refused(/a number that would be changed/)
  end

  it 'reads many members in short order' do
    text = "{#{(1..50_000).map { |n| "\"k#{n}\": [\"v\\n#{n}\"]" }.join(',')}}"
    expect(merged(text, 'b' => 1).lines.length).to eq((50_000 * 3) + 3)
  end
end
