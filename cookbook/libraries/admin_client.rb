# frozen_string_literal: true

require 'json'
require 'net/http'
require 'openssl'
require 'securerandom'
require 'uri'

module StackyardCookbook
  # A server that answered an error, or could not be asked.
  class ServerFailure < StandardError; end

  # The admin API of a Stackyard server (its docs/admin-api.md).
  class AdminClient
    Answer = Struct.new(:status, :value, :etag)
    AWAY = [SystemCallError, SocketError, IOError, Net::OpenTimeout, Net::ReadTimeout, OpenSSL::SSL::SSLError].freeze
    NOT_SENT = [Errno::ECONNREFUSED, Net::OpenTimeout].freeze
    # Chef brings an OpenSSL of its own, which does not look there.
    SYSTEM_AUTHORITIES = '/etc/ssl/certs/ca-certificates.crt'
    private_constant :AWAY, :NOT_SENT, :SYSTEM_AUTHORITIES

    # url: https://HOST[:PORT]; login: {token:} or {username:, password:}; patience: seconds that a server may take to be
    # there; verify: false for questions without a login alone. Raises Invalid.
    def initialize(url, login, ca_file: nil, verify: true, patience: 30, pause: ->(seconds) { sleep(seconds) })
      @url = self.class.checked(url)
      @login = login
      @ca_file = ca_file
      @verify = verify
      @patience = patience
      @pause = pause
    end

    def self.checked(url)
      uri = URI.parse(url.to_s)
      plain = uri.is_a?(URI::HTTP) && !uri.host.to_s.empty? && uri.userinfo.nil? && ['', '/'].include?(uri.path) && uri.query.nil?
      return uri if plain

      raise Invalid, "server #{url.to_s.sub(%r{//[^/]*@}, '//')}: is no URL of a server; give http(s)://HOST[:PORT]"
    rescue URI::InvalidURIError
      raise Invalid, 'server: is no URL; give http(s)://HOST[:PORT]'
    end

    # The answer of a path below /admin/v1. Statuses of `allow` are answered, others raise ServerFailure.
    def call(method, path, body: nil, etag: nil, allow: [])
      answer = ask(method, "/admin/v1#{path}", headers(method, etag), body)
      return answer if answer.status < 300 || allow.include?(answer.status)

      raise ServerFailure, "#{@url}: #{method} /admin/v1#{path} was answered #{answer.status}: #{detail(answer.value)}"
    end

    # Every item of a list, page by page.
    def all(path, query = {})
      items = []
      following = nil
      loop do
        asked = URI.encode_www_form(query.merge(limit: 1000, **(following ? { after: following } : {})))
        page = call('GET', "#{path}?#{asked}").value
        items.concat(page.fetch('items'))
        following = page['next']
        return items if following.nil?
      end
    end

    # Who the login is to the server, or nil where it is none. `id` is that of the access token, if it is one.
    def whoami
      answer = call('GET', '/me', allow: [401])
      answer.status == 401 ? nil : answer.value
    end

    # Waits until the server serves; raises ServerFailure after the patience.
    def wait
      answer = ask('GET', '/readyz', {}, nil)
      return if answer.status == 200

      raise ServerFailure, "#{@url}: is not ready after #{@patience} s: #{detail(answer.value)}"
    end

    private

    # A change is sent again only where the server cannot have seen it, or said that it did not do it.
    def ask(method, path, headers, body)
      waited = 0
      loop do
        answer = attempt(method, path, headers, body, waited)
        return answer if answer && (answer.status != 503 || waited >= @patience)

        @pause.call(1)
        waited += 1
      end
    end

    def attempt(method, path, headers, body, waited)
      exchange(method, path, headers, body)
    rescue *AWAY => e
      again = NOT_SENT.any? { |kind| e.is_a?(kind) } || method == 'GET'
      return nil if again && waited < @patience && !e.is_a?(OpenSSL::SSL::SSLError)

      raise ServerFailure, "#{@url}: cannot be asked (#{e.message}); is it running, and its certificate trusted (ca_file)?"
    end

    def exchange(method, path, headers, body)
      request = Net::HTTP.const_get(method.capitalize).new(path, headers)
      authenticate(request)
      request.body = JSON.generate(body) if body
      response = connection.start { |opened| opened.request(request) }
      Answer.new(response.code.to_i, parsed(response.body), response['etag'])
    end

    def connection
      made = Net::HTTP.new(@url.hostname, @url.port)
      made.use_ssl = @url.scheme == 'https'
      made.verify_mode = @verify ? OpenSSL::SSL::VERIFY_PEER : OpenSSL::SSL::VERIFY_NONE
      made.cert_store = trusted if made.use_ssl? && @verify
      made.open_timeout = 10
      made.read_timeout = 60
      made.max_retries = 0
      made
    end

    # The authority that was given, or else those of OpenSSL and of the system.
    def trusted
      store = OpenSSL::X509::Store.new
      return store.tap { store.add_file(@ca_file) } if @ca_file

      store.set_default_paths
      add_system(store)
      store
    rescue OpenSSL::X509::StoreError => e
      raise Invalid, "ca_file #{@ca_file}: cannot be used (#{e.message}); give a PEM file of authorities"
    end

    # An empty or unreadable one adds none.
    def add_system(store)
      store.add_file(SYSTEM_AUTHORITIES) if File.file?(SYSTEM_AUTHORITIES)
    rescue OpenSSL::X509::StoreError
      nil
    end

    def headers(method, etag)
      {
        'Accept' => 'application/json',
        'Content-Type' => 'application/json',
        **(method == 'POST' ? { 'Idempotency-Key' => SecureRandom.uuid } : {}),
        **(etag ? { 'If-Match' => etag } : {})
      }
    end

    def authenticate(request)
      return request['Authorization'] = "Bearer #{@login[:token]}" if @login[:token]

      request.basic_auth(@login[:username], @login[:password]) if @login[:username]
    end

    def parsed(body)
      body.nil? || body.empty? ? nil : JSON.parse(body)
    rescue JSON::ParserError
      nil
    end

    def detail(value)
      problem = value.is_a?(Hash) ? value : {}
      problem['detail'] || problem['title'] || 'without a reason; is it a Stackyard server?'
    end
  end
end
