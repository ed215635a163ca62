# frozen_string_literal: true

RSpec.describe StackyardCookbook::ImageReference do
  digest = "sha256:#{'a1' * 32}"

  {
    "registry.example:5000/team/app@#{digest}" => ['registry.example:5000', 'team/app'],
    "localhost/app@#{digest}" => %w[localhost app],
    "10.1.2.3/a/b__c/d.e-f@#{digest}" => ['10.1.2.3', 'a/b__c/d.e-f']
  }.each do |text, (registry, repository)|
    it "reads #{text[0, 40]}" do
      image = described_class.new(text)
      expect([image.registry, image.repository, image.digest, image.to_s]).to eq([registry, repository, digest, text])
    end
  end

  it 'leaves out a tag beside the digest' do
    expect(described_class.new("r.example/app:1.2@#{digest}").to_s).to eq("r.example/app@#{digest}")
  end

  {
    'r.example/app:1.2' => /names no digest/,
    "app@#{digest}" => /names no registry/,
    "team/app@#{digest}" => /for a part of Docker Hub/,
    "r.example/App@#{digest}" => /is no image/,
    "r.example/app@#{digest}0" => /is no image/,
    "r.example/app@#{digest}\n--privileged" => nil,
    "-r.example /app@#{digest}" => nil,
    '' => /names no digest/
  }.each do |text, reason|
    it "refuses #{text.inspect[0, 50]}" do
      expect { described_class.new(text) }.to raise_error(StackyardCookbook::Invalid, reason)
    end
  end
end
