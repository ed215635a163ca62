# frozen_string_literal: true

RSpec.describe StackyardCookbook::AccountPlan do
  it 'changes what differs, and only what is wished' do
    current = { 'admin' => false, 'groups' => %w[b a], 'disabled' => false }
    expect(described_class.changes(current, admin: nil, groups: %w[a b], disabled: false)).to eq({})
    expect(described_class.changes(current, admin: true, groups: ['a'], disabled: nil)).to eq('admin' => true, 'groups' => ['a'])
  end

  describe 'grants' do
    held = [
      { 'id' => '1', 'repositories' => 'team/**', 'actions' => %w[push pull] },
      { 'id' => '2', 'repositories' => 'other', 'actions' => ['pull'] }
    ]

    it 'adds and takes what differs' do
      plan = described_class.grants(held, ['team/**:pull,push', 'new/*:delete'])
      expect(plan.add).to eq([{ 'repositories' => 'new/*', 'actions' => ['delete'] }])
      expect(plan.remove.map { |grant| grant['id'] }).to eq(['2'])
    end

    it('leaves all as it is where nothing is wished') { expect(described_class.grants(held, nil).to_a).to eq([[], []]) }
    it('takes all where none is wished') { expect(described_class.grants(held, []).remove).to eq(held) }

    it 'takes the same wish in other words for the same' do
      wishes = ['team/**: push, pull', 'team/**:pull,push', 'other:pull']
      expect(described_class.grants(held, wishes).to_a).to eq([[], []])
    end

    ['', 'team', 'team:', ':pull', 'team:pull,fly', 'team:Pull', nil].each do |text|
      it("refuses #{text.inspect}") { expect { described_class.grant(text) }.to be_refused(/\Agrant /) }
    end
  end
end
