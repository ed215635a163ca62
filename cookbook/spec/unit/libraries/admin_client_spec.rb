# frozen_string_literal: true

require 'json'
require 'socket'

RSpec.describe StackyardCookbook::AdminClient do
  # Answers connection by connection what it is given, and keeps what it was asked.
  def serve(*answers)
    server = TCPServer.new('127.0.0.1', 0)
    @asked = []
    @thread = Thread.new { answers.each { |answer| exchange(server.accept, answer) } }
    @server = server
    "http://127.0.0.1:#{server.addr[1]}"
  end

  def exchange(socket, answer)
    head = socket.gets("\r\n\r\n")
    length = head[/content-length: (\d+)/i, 1].to_i
    @asked << (head + socket.read(length))
    socket.write(response(*answer)) if answer.first
    socket.close
  end

  def response(status, body)
    text = JSON.generate(body)
    "HTTP/1.1 #{status} X\r\nContent-Length: #{text.bytesize}\r\nConnection: close\r\nETag: \"e\"\r\n\r\n#{text}"
  end

  after do
    @thread&.kill
    @server&.close
  end

  def client(url, login: { token: 'sy_secret' }, patience: 3)
    @waited = 0
    described_class.new(url, login, patience: patience, pause: ->(seconds) { @waited += seconds })
  end

  it 'sends login, body and key, and answers value and ETag' do
    answer = client(serve([201, { 'id' => 'x' }])).call('POST', '/users', body: { name: 'a' })
    expect(answer.to_a).to eq([201, { 'id' => 'x' }, '"e"'])
    expect(@asked.first).to match(%r{\APOST /admin/v1/users HTTP}).and include('Bearer sy_secret', '{"name":"a"}')
      .and match(/idempotency-key: \h{8}-/i)
  end

  it 'sends a user and password by Basic' do
    client(serve([200, {}]), login: { username: 'admin', password: 'hunter2' }).call('GET', '/me')
    expect(@asked.first).to include("Basic #{['admin:hunter2'].pack('m0')}")
  end

  it 'tells in one line what was refused, without the login' do
    url = serve([409, { 'detail' => 'there is one already' }])
    expect { client(url).call('POST', '/users', body: {}) }.to raise_error(StackyardCookbook::ServerFailure) { |error|
      expect(error.message).to eq("#{url}: POST /admin/v1/users was answered 409: there is one already")
    }
  end

  it 'asks again while the server is not there or not ready' do
    expect(client(serve([503, {}], [503, {}], [200, { 'name' => 'a' }])).whoami).to eq('name' => 'a')
    expect(@waited).to eq(2)
    gone = TCPServer.new('127.0.0.1', 0)
    port = gone.addr[1]
    gone.close
    expect { client("http://127.0.0.1:#{port}").call('POST', '/users') }
      .to raise_error(StackyardCookbook::ServerFailure, /cannot be asked/)
    expect(@waited).to eq(3)
  end

  it 'sends no change again that the server may have seen' do
    url = serve([nil], [201, {}])
    expect { client(url).call('POST', '/users') }.to raise_error(StackyardCookbook::ServerFailure)
    expect(@asked.length).to eq(1)
  end

  it 'knows a login that is none' do
    expect(client(serve([401, { 'detail' => 'x' }])).whoami).to be_nil
  end

  it 'goes through all pages' do
    url = serve([200, { 'items' => [1], 'next' => 'a b' }], [200, { 'items' => [2] }])
    expect(client(url).all('/tokens', owner: 'ci')).to eq([1, 2])
    expect(@asked.last).to include('owner=ci&limit=1000&after=a+b')
  end

  [
    'registry.example', 'ftp://x', 'http://u:hunter2@x', 'http://x/path', 'http://x/?q', 'http://', "http://x\ny", nil
  ].each do |url|
    it "refuses #{url.inspect} as a server" do
      expect { described_class.new(url, {}) }.to be_refused(/\Aserver(?!.*hunter2)/)
    end
  end

  it 'refuses an authority that is none, before anything is sent' do
    asked = described_class.new('https://127.0.0.1:1', {}, ca_file: __FILE__)
    expect { asked.whoami }.to be_refused(/\Aca_file #{Regexp.escape(__FILE__)}: cannot be used/)
  end
end
