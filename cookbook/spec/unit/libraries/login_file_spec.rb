# frozen_string_literal: true

RSpec.describe StackyardCookbook::LoginFile do
  registry = 'reg.example:5000'
  auth = ['ann:pä:ss'].pack('m0')

  def login(text, name = 'ann', password = 'pä:ss', **options)
    described_class.with(text, 'reg.example:5000', name, password, **options)
  end

  it 'writes a login' do
    expect(login(nil)).to eq(
      "{\n  \"auths\": {\n    \"#{registry}\": {\n      \"auth\": \"#{auth}\"\n    }\n  }\n}\n"
    )
  end

  it 'changes nothing where the login is there, however it is written' do
    [auth, "#{auth[0, 4]}\\n#{auth[4..]}"].each do |form|
      text = "{\t\"auths\":{\"#{registry}\":{\"email\":\"a@b\",\"auth\":\"#{form}\"}}}"
      expect(login(text)).to equal(text)
    end
  end

  it 'keeps other keys and registries, and drops what a client would use instead' do
    text = JSON.generate(
      'HttpHeaders' => { 'a' => 'b' }, 'credHelpers' => { 'quay.io' => 'pass' }, 'credsStore' => '',
      'auths' => { 'quay.io' => { 'auth' => 'x' },
                   registry => { 'identitytoken' => 't', 'email' => 'e', 'auth' => 'old', 'registrytoken' => 't',
                                 'username' => 'u', 'password' => 'p' } }
    )
    expect(JSON.parse(login(text))).to eq(
      'HttpHeaders' => { 'a' => 'b' }, 'credHelpers' => { 'quay.io' => 'pass' }, 'credsStore' => '',
      'auths' => { 'quay.io' => { 'auth' => 'x' }, registry => { 'email' => 'e', 'auth' => auth } }
    )
  end

  it 'drops a token beside a login that is right' do
    expect(login("{\"auths\":{\"#{registry}\":{\"auth\":\"#{auth}\",\"identitytoken\":\"t\"}}}")).not_to include('token')
  end

  it 'sets a credential helper in place of a login, also beside a store' do
    text = "{\"credsStore\":\"desktop\",\"auths\":{\"#{registry}\":{},\"quay.io\":{}}}"
    set = described_class.with_helper(text, registry, 'pass')
    expect(JSON.parse(set)).to eq(
      'credsStore' => 'desktop', 'auths' => { 'quay.io' => {} }, 'credHelpers' => { registry => 'pass' }
    )
    expect(described_class.with_helper(set, registry, 'pass')).to equal(set)
  end

  it 'tells the helper of a registry' do
    set = described_class.with_helper(nil, registry, 'pass')
    expect(described_class.helper(set, registry)).to eq('pass')
    [nil, '{}', '{"credHelpers":{"quay.io":"pass"}}', "{\"credHelpers\":{\"#{registry}\":\"../pass\"}}",
     "{\"credHelpers\":{\"#{registry}\":7}}"].each do |text|
      expect(described_class.helper(text, registry)).to be_nil
    end
    expect { described_class.helper('{"credHelpers":[]}', registry) }.to be_refused(/credHelpers is no object/)
  end

  it 'takes out login and helper, and leaves the rest' do
    start = '{"auths":{},"a":[1]}'
    expect(JSON.parse(described_class.without(login(start), registry))).to eq(JSON.parse(start))
    text = "{\"credHelpers\":{\"#{registry}\":\"pass\",\"quay.io\":\"x\"}}"
    expect(JSON.parse(described_class.without(text, registry))).to eq('credHelpers' => { 'quay.io' => 'x' })
    [nil, '{"a": 1}', '{"auths": {"quay.io": {}}}'].each do |other|
      expect(described_class.without(other, registry)).to equal(other)
    end
  end

  {
    '{"credsStore": "desktop"}' => /credsStore is set/, "{\"credHelpers\": {\"#{registry}\": \"x\"}}" => /credHelpers has reg/,
    '{"credHelpers": []}' => /credHelpers is no object/, '{"auths": null}' => /auths is no object/,
    '{"auths": []}' => /auths is no object/, "{\"auths\": {\"#{registry}\": \"s3cret\"}}" => /auths of reg.* is no object/
  }.each do |text, why|
    it("refuses #{text}") { expect { login(text, path: '/root/x') }.to be_refused(%r{\A/root/x: (?!.*s3cret).*#{why}}) }
  end

  [['', 's3cret', /username: it is empty/], [nil, 's3cret', /username: it is empty/], ['ann', '', /password: it is empty/],
   ['a:b', 's3cret', /username: it holds a colon/], ["a\n", 's3cret', /username: it holds control/],
   ['ann', "s3cret\0", /password: it holds control/], ['ann', "s3cret\xFF", /password: it is no UTF-8/],
   ['ann', 7, /password: it is no text/]].each do |name, password, why|
    it "refuses the login #{name.inspect}, #{password.inspect}" do
      expect { login(nil, name, password) }.to be_refused(/\Alogin\.(?!.*s3cret)#{why}/)
    end
  end

  ['', nil, 'docker credential', '../pass', "pass\n", 'Pass'].each do |helper|
    it "refuses the helper #{helper.inspect}" do
      expect { described_class.with_helper(nil, registry, helper) }.to be_refused(/\Acredential_helper: it is no name/)
    end
  end

  HostileTexts::JSON.each do |what, text|
    it "refuses a file #{what}" do
      [-> { login(text) }, -> { described_class.without(text, registry) },
       -> { described_class.with_helper(text, registry, 'pass') }].each do |change|
        expect(&change).to be_refused(/\A(?!.*c2VjcmV0).*config\.json: /)
      end
    end
  end

  it 'reads logins that are no base64 or no UTF-8' do
    ['"%%%"', '""', '"/////w=="', '7', 'null', '{}'].each do |value|
      expect(login("{\"auths\":{\"#{registry}\":{\"auth\":#{value}}}}")).to include(auth)
    end
  end
end
