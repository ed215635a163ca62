# frozen_string_literal: true

RSpec.describe StackyardCookbook::ServerReleases do
  def settle(record, serving, entries, linked: nil)
    described_class.settle(record, linked: linked, serving: serving, entries: entries)
  end

  it 'wants one of source and version' do
    expect { described_class.check_origin('/s.tgz', nil) }.not_to raise_error
    expect { described_class.check_origin(nil, '1.2.3') }.not_to raise_error
    expect { described_class.check_origin('/s.tgz', '1.2.3') }.to be_refused('server: source and version; give one of them')
    expect { described_class.check_origin(nil, nil) }.to be_refused(/\Aserver: no source/)
  end

  {
    '/opt/stackyard-releases/0123456789abcdef' => '0123456789abcdef',
    '/opt/stackyard-releases/1.2.3/node_modules/stackyard' => '1.2.3',
    '/opt/stackyard-releases' => nil, '/srv/stackyard-releases/1.2.3' => nil, nil => nil,
    "/srv/\xFF" => nil
  }.each do |path, name|
    it("takes #{path.inspect} for the release #{name.inspect}") { expect(described_class.name_of(path)).to eq(name) }
  end

  it 'records the first release' do
    expect(settle(nil, '1.0.0', ['1.0.0'])).to eq(["1.0.0\n", []])
  end

  it 'keeps the one that served before' do
    expect(settle("1.0.0\n", '1.1.0', %w[1.0.0 1.1.0])).to eq(["1.1.0\n1.0.0\n", []])
  end

  it 'lets those before it go' do
    expect(settle("1.1.0\n1.0.0\n", '1.2.0', %w[1.2.0 1.0.0 1.1.0])).to eq(["1.2.0\n1.1.0\n", ['1.0.0']])
  end

  it 'goes back without losing the one that it came from' do
    expect(settle("1.1.0\n1.0.0\n", '1.0.0', %w[1.0.0 1.1.0])).to eq(["1.0.0\n1.1.0\n", []])
  end

  it 'lets nothing go where the same one serves on, but what is half there' do
    record = "1.1.0\n1.0.0\n"
    expect(settle(record, '1.1.0', %w[1.0.0 1.1.0 1.2.0])).to eq([record, []])
    expect(settle(record, '1.1.0', %w[1.0.0 1.1.0 1.2.0 1.3.0.part])).to eq([record, ['1.3.0.part']])
  end

  it 'does not count a release that was linked and never served' do
    expect(settle("1.0.0\n", '1.2.0', %w[1.0.0 1.1.0 1.2.0], linked: '1.1.0')).to eq(["1.2.0\n1.0.0\n", ['1.1.0']])
  end

  it 'takes the linked one for the one before where there is no record' do
    expect(settle(nil, '1.2.0', %w[1.0.0 1.1.0 1.2.0], linked: '1.1.0')).to eq(["1.2.0\n1.1.0\n", ['1.0.0']])
    expect(settle(nil, '1.2.0', %w[1.0.0 1.1.0 1.2.0], linked: '1.2.0')).to eq(["1.2.0\n", []])
  end

  {
    'with CRLF' => "1.1.0\r\n1.0.0\r\n", 'without an end' => "1.1.0\n1.0.0",
    'with what is no name' => "\xFF\n\n1.1.0\n../x\n1.0.0\n"
  }.each do |what, record|
    it("takes a record #{what}") { expect(settle(record, '1.1.0', [])).to eq(["1.1.0\n1.0.0\n", []]) }
  end

  ['', "\r\n", "\xFF\xFE\n".b, '0'].each do |record|
    it "takes the linked one for the one before where the record is #{record.inspect}" do
      expect(settle(record, '1.2.0', %w[1.0.0 1.1.0 1.2.0], linked: '1.1.0')).to eq(["1.2.0\n1.1.0\n", ['1.0.0']])
      expect(settle(record, '1.2.0', [], linked: "\xFF".b).first).to eq("1.2.0\n")
    end
  end

  it 'lets half-filled folders go first, and leaves what is no release' do
    entries = %w[1.0.0 1.1.0.part 0123456789abcdef 0123456789abcdef.part fedcba9876543210 served lost+found mine 1.x 01234567]
    entries.push("\xFF", "1.0.0\xFF.part")
    expect(settle("1.0.0\n", 'fedcba9876543210', entries).last).to eq(%w[0123456789abcdef.part 1.1.0.part 0123456789abcdef])
  end

  {
    "npm error code ETARGET\nnpm error notarget No matching version found for stackyard@9.9.9.\nnpm error notarget In most\n" =>
      'ETARGET: No matching version found for stackyard@9.9.9.',
    "npm ERR! code E404\nnpm ERR! 404 Not Found - GET http://r.test/stackyard\nnpm ERR! 404 \n" =>
      'E404: Not Found - GET http://r.test/stackyard',
    "npm error code E401\nnpm error 401 Unauthorized - GET https://ann:s3@cret@r.test/stackyard\n" =>
      'E401: Unauthorized - GET https://r.test/stackyard',
    "npm error code ECONNREFUSED\nnpm error syscall connect\nnpm error errno ECONNREFUSED\nnpm error FetchError: no\n" =>
      'ECONNREFUSED: FetchError: no',
    "node: cannot execute\nmore\n" => 'node: cannot execute', "npm error \xFFé\n".b => '?é', '' => 'no output'
  }.each do |stderr, reason|
    it("tells #{reason.inspect} of npm") { expect(described_class.npm_reason(stderr)).to eq(reason) }
  end

  {
    'https://ann:s3cret@r.test:80/a@b.tgz' => 'https://r.test:80/a@b.tgz', 'HTTP://t0ken@r.test' => 'HTTP://r.test',
    'http://r.test/@scope/x?to=a@b' => 'http://r.test/@scope/x?to=a@b', '/srv/a@b.tgz' => '/srv/a@b.tgz'
  }.each do |text, shown|
    it("shows #{shown}") { expect(described_class.without_userinfo(text)).to eq(shown) }
  end
end
