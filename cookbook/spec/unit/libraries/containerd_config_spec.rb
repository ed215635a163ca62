# frozen_string_literal: true

RSpec.describe StackyardCookbook::ContainerdConfig do
  def with_certs(text)
    described_class.with_certs(described_class::PATH => text)
  end

  plugin = 'plugins."io.containerd.grpc.v1.cri".registry'
  line = "config_path = \"/etc/containerd/certs.d\"\n"

  {
    'an absent file' => [nil, "version = 2\n\n[#{plugin}]\n  #{line}"],
    'a table with one quote' => ["version = 2\n[plugins.'io.containerd.grpc.v1.cri'.registry] # x\n\n",
                                 "version = 2\n[plugins.'io.containerd.grpc.v1.cri'.registry] # x\n  #{line}\n"],
    'a table with blanks' => ["version = 2\n\t[ plugins . \"io.containerd.grpc.v1.cri\" . registry ]\n",
                              "version = 2\n\t[ plugins . \"io.containerd.grpc.v1.cri\" . registry ]\n\t  #{line}"],
    'bytes' => ["# ä\nversion = 2\n".b, "# ä\nversion = 2\n\n[#{plugin}]\n  #{line}"],
    'a value before a comment' => ["version = 2\n[#{plugin}]\nconfig_path='' # set me\n",
                                   "version = 2\n[#{plugin}]\nconfig_path= \"/etc/containerd/certs.d\" # set me\n"]
  }.each do |what, (text, wanted)|
    it "sets config_path in #{what}, once" do
      expect(with_certs(text)).to eq(wanted)
      expect(with_certs(wanted)).to eq(wanted)
    end
  end

  it 'leaves a file alone where the CRI is disabled' do
    ["disabled_plugins = [\"cri\"]\n", "disabled_plugins = [ # x\n  'io.containerd.grpc.v1.cri',\n]\n"].each do |text|
      expect(with_certs(text)).to be_nil
    end
  end

  {
    'bytes that are no UTF-8' => ["version = 2\n# \xFF\n", /UTF-8/],
    'a byte order mark' => ["\uFEFFversion = 2\n", /line 1 /],
    'a NUL' => ["version = 2\n\0\n", /line 2 /],
    'a string without end' => ["version = 2\nx = \"#{'\"' * 100_001}\n", /line 2 /],
    'quotes without end' => ["version = 2\nx = \"#{'\\"' * 200_000}\n", /line 2 /],
    'brackets without end' => ["version = 2\nx = #{'[' * 200_000}\n", /line 2 /],
    'a list without end' => ["version = 2\nx = [\n#{"  \"a\",\n" * 50_000}", /line 2 /],
    'a line without end' => ["version = 2\n#{'a.' * 200_000}\n", /line 2 /],
    'another directory' => ["version = 2\n[#{plugin}]\nconfig_path = \"/ä:/b\"\n", %r{is /\?:/b; add :/etc/containerd/certs\.d}]
  }.each do |what, (text, why)|
    it "refuses a file with #{what}" do
      expect { with_certs(text) }.to be_refused(%r{\A/etc/containerd/config\.toml: .*#{why}})
    end
  end

  it 'refuses imports that are many, and takes a file that needs no change' do
    imports = "imports = [\n#{"  \"/x/*.toml\",\n" * 20_000}]\n"
    expect { with_certs("version = 2\n#{imports}") }.to be_refused(/imports .* or take imports out\z/)
    text = "version = 2\n#{imports}[#{plugin}]\n#{line}"
    expect(with_certs(text)).to equal(text)
  end

  it 'reads a long file in short order' do
    text = "version = 2\n#{(1..20_000).map { |n| "[plugins.\"p#{n}\"]\n  a = [ \"#{n}\" ] # n\n" }.join}"
    expect(with_certs(text)).to eq("#{text}\n[#{plugin}]\n  #{line}")
  end
end
