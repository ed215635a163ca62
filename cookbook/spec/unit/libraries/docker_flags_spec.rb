# frozen_string_literal: true

RSpec.describe StackyardCookbook::DockerFlags do
  mirror = '--registry-mirror'
  insecure = '--insecure-registry'

  {
    'no text' => [nil, []],
    'a command line with neither' => ["/usr/bin/dockerd\0-H\0fd://\0", []],
    'a command line of NULs' => ["/usr/bin/dockerd\0#{mirror}=https://m\0", [mirror]],
    'a flag apart from its value' => ["dockerd\0#{insecure}\0reg:5000\0#{mirror}\0https://m\0", [mirror, insecure]],
    'a command line of blanks' => ["dockerd #{insecure} reg:5000", [insecure]],
    'a longer flag' => ['dockerd --registry-mirrors=x --no-insecure-registry x-registry-mirror --x--registry-mirror', []],
    'a unit' => ["[Service]\nExecStart=/usr/bin/dockerd -H fd:// \\\n  #{mirror}=https://m \\\n  --icc\n", [mirror]],
    'a commented unit' => ["[Service]\n# ExecStart=dockerd #{mirror}=x\n ;#{insecure}\nExecStart=dockerd\n", []],
    'a comment within a command' => ["ExecStart=dockerd \\\n# #{mirror}=x\n  #{insecure}=r:1\n", [insecure]],
    'a drop-in that sets the command anew' => ["ExecStart=dockerd #{mirror}=x\n[Service]\nExecStart=\nExecStart=dockerd\n", []],
    'a drop-in that has the flag' => ["ExecStart=dockerd\n[Service]\nExecStart=\nExecStart=dockerd #{mirror} x\n", [mirror]],
    'another setting before the drop-in' => ["Environment=DOCKER_OPTS=#{mirror}=x\nExecStart=\nExecStart=dockerd\n", [mirror]],
    'DOCKER_OPTS' => ["DOCKER_OPTS=\"--icc=false #{insecure}=reg:5000\"\n", [insecure]],
    'DOCKER_OPTS that begin with it' => ["DOCKER_OPTS='#{mirror}=https://m'\n", [mirror]],
    'DOCKER_OPTS without quotes' => ["DOCKER_OPTS=#{mirror}=https://m\n", [mirror]],
    'commented DOCKER_OPTS' => ["#DOCKER_OPTS=\"#{insecure}=x\"\nDOCKER_OPTS=\"--label=a#b\" # not #{mirror}=x\n", []],
    'a number sign in quotes' => ["DOCKER_OPTS=\"--label=a #b #{mirror}=x\"\n", [mirror]],
    'bytes that are no UTF-8' => ["# \xFF\nExecStart=dockerd --label=\xFE #{mirror}=x\n", [mirror]],
    'quotes without end' => ["DOCKER_OPTS=\"#{'\' ' * 100_000}#{mirror}=x", [mirror]]
  }.each do |what, (text, flags)|
    it("finds #{flags} in #{what}") { expect(described_class.conflicts(text)).to eq(flags) }
  end

  it 'refuses them, with what to do' do
    expect { described_class.refuse!("dockerd #{insecure}=x #{mirror}=x") }
      .to be_refused(%r{\Adocker: .*--registry-mirror and --insecure-registry.*; remove .*/etc/default/docker})
    expect { described_class.refuse!("dockerd --icc\n") }.not_to raise_error
  end
end
