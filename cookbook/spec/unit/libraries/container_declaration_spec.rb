# frozen_string_literal: true

RSpec.describe StackyardCookbook::ContainerDeclaration do
  image = StackyardCookbook::ImageReference.new("r.example/app@sha256:#{'a' * 64}")
  other = StackyardCookbook::ImageReference.new("r.example/app@sha256:#{'b' * 64}")
  base = { name: 'app', image: image, app_name: 'app', read_only: true }

  def inspected(label, running: true)
    { 'Config' => { 'Labels' => label && { described_class::LABEL => label } }, 'State' => { 'Running' => running } }
  end

  it 'has the arguments in their order' do
    wishes = {
      config_dir: '/srv/app', environment: { MODE: 'on' }, ports: ['80:80'], volumes: ['/a:/b'], tmpfs: ['/tmp'],
      network: 'none', user: '1000', restart: 'always', options: ['--cap-drop=ALL'], command: %w[serve -v]
    }
    declaration = described_class.new(**base, **wishes)
    expect(declaration.arguments('/run/env')).to eq(
      [
        'run', '--detach', '--name', 'app', '--label', "stackyard.declaration=#{declaration.digest}",
        '--restart', 'always', '--network', 'none', '--user', '1000', '--read-only', '--tmpfs', '/tmp',
        '--publish', '80:80', '--volume', '/a:/b', '--volume', '/srv/app:/etc/app:ro', '--env-file', '/run/env',
        '--cap-drop=ALL', image.to_s, 'serve', '-v'
      ]
    )
    expect(declaration.environment_text).to eq("MODE=on\n")
  end

  it 'has no value of the environment among the arguments' do
    declaration = described_class.new(**base, environment: { 'PASSWORD' => 'hunter2' })
    expect(declaration.arguments('/run/env').join(' ')).not_to include('hunter2')
  end

  changes = {
    'the image' => { image: other }, 'the configuration' => { config_digest: 'x' }, 'a port' => { ports: ['81:80'] },
    'the environment' => { environment: { 'A' => '1' } }, 'the root' => { read_only: false }, 'the command' => { command: ['x'] }
  }
  changes.each do |what, change|
    it "is another declaration for another value of #{what}" do
      expect(described_class.new(**base, **change).digest).not_to eq(described_class.new(**base).digest)
    end
  end

  it 'is the same for the same environment in another order, and for symbols' do
    one = described_class.new(**base, environment: { 'A' => '1', 'B' => 2 })
    expect(described_class.new(**base, environment: { B: '2', A: '1' }).digest).to eq(one.digest)
  end

  it 'compares with what there is' do
    declaration = described_class.new(**base)
    expect(declaration.compare(nil)).to be(:absent)
    expect(declaration.compare(inspected(declaration.digest))).to be(:running)
    expect(declaration.compare(inspected(declaration.digest, running: false))).to be(:stopped)
    looping = { 'State' => { 'Running' => true, 'Restarting' => true } }
    expect(declaration.compare(inspected(declaration.digest).merge(looping))).to be(:stopped)
    paused = { 'State' => { 'Running' => true, 'Paused' => true } }
    expect(declaration.compare(inspected(declaration.digest).merge(paused))).to be(:paused)
    expect(declaration.compare(inspected('other'))).to be(:different)
    expect(declaration.compare(inspected(nil))).to be(:foreign)
    expect(declaration.compare('Config' => {}, 'State' => {})).to be(:foreign)
  end

  it 'knows one that was started again lately' do
    started = { 'State' => { 'StartedAt' => '2026-11-23T10:00:00.5Z' } }
    now = Time.utc(2026, 11, 23, 10, 1)
    expect(described_class.restarted?(started.merge('RestartCount' => 2), now)).to be(true)
    expect(described_class.restarted?(started.merge('RestartCount' => 2), now + 60)).to be(false)
    expect(described_class.restarted?(started.merge('RestartCount' => 0), now)).to be(false)
    expect(described_class.restarted?(started, now)).to be(false)
  end

  {
    'a name with a slash' => { name: 'a/b' }, 'a name of one letter' => { name: 'a' },
    'a name like an option' => { name: '--privileged' },
    'an app_name that leaves /etc' => { app_name: '../x' }, 'a relative config_dir' => { config_dir: 'x' },
    'a config_dir with a colon' => { config_dir: '/a:/b' }, 'a variable of two lines' => { environment: { 'A' => "1\n2" } },
    'a variable without a name' => { environment: { '' => '1' } }, 'a variable with a sign' => { environment: { 'A=B' => '1' } }
  }.each do |what, wish|
    it("refuses #{what}") { expect { described_class.new(**base, **wish) }.to be_refused }
  end
end
