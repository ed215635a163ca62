# frozen_string_literal: true

RSpec.describe StackyardCookbook::EngineAnswers do
  def inspected(exit_code: 0, stdout: '', stderr: '')
    described_class.inspected('docker container app', exit_code: exit_code, stdout: stdout, stderr: stderr)
  end

  it('decodes') { expect(inspected(stdout: "{\"Id\":\"x\"}\n")).to eq('Id' => 'x') }

  [
    'Error: No such image: r.example/app@sha256:aa', 'Error: No such container: app', "\nError: No such object: app",
    'Error: inspecting object: no such container "app"', 'Error: r.example/app: image not known'
  ].each do |stderr|
    it("takes #{stderr.inspect} for absent") { expect(inspected(exit_code: 1, stderr: stderr)).to be_nil }
  end

  it 'tells why a command failed, and not where its help is' do
    stderr = "docker: Error response from daemon: network x not found.\n\nRun 'docker run --help' for more information\n"
    expect(described_class.reason(stderr)).to eq('docker: Error response from daemon: network x not found.')
    expect(described_class.reason("\n")).to eq('it says nothing')
  end

  it 'reads what has no encoding, as Chef gives it' do
    expect("…#{described_class.reason("daemon: caf\xC3\xA9 \xFF\n".b)}").to eq('…daemon: café ?')
    expect(inspected(stdout: '{"Name":"café"}'.b)).to eq('Name' => 'café')
    expect(inspected(exit_code: 1, stderr: "é: no such container\n".b)).to be_nil
  end

  it 'takes an engine that is away for no answer' do
    stderr = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?\n"
    expect { inspected(exit_code: 1, stderr: stderr) }.to be_refused(/does not answer \(Cannot connect/)
    expect { inspected(exit_code: 127) }.to be_refused(/no output/)
    expect { inspected(stdout: 'hello') }.to be_refused(/answered no JSON/)
  end
end
