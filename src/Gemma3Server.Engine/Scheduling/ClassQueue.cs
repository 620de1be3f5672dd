namespace Gemma3Server.Engine.Scheduling;

/// <summary>The sequences of one class that wait, in the order in which they are to run; clients share the class in tokens.</summary>
/// <remarks>
/// <para>Start-time fair queueing: a sequence has the virtual time at which it is its turn (<see cref="Sequence.Tag"/>), the later of the
/// class's present one and the one up to which its client has been charged. A client is charged for prompt and expected answer when its
/// request arrives, and the difference is settled when it ends; reused prompt tokens are not charged for. So a client with a hundred requests in the queue
/// waits behind its own, and one that comes with its first has its turn at once. The order never changes once given, which makes a position
/// in the queue mean something.</para>
/// <para>Endless new clients could still hold somebody up, so every <see cref="TurnsPerOldest"/>th turn goes to whoever came first. Preempted
/// sequences stand in front of all: they have been admitted before.</para>
/// </remarks>
internal sealed class ClassQueue
{
    /// <summary>One turn in so many is given by age alone.</summary>
    public const int TurnsPerOldest = 8;

    /// <summary>Clients that are remembered though nothing of theirs is open; then the idle ones are forgotten.</summary>
    private const int MostAccounts = 1024;

    private readonly List<Sequence> _sequences = [];
    private readonly Dictionary<string, ClientAccount> _accounts = new(StringComparer.Ordinal);
    private int _preempted;
    private int _turn;
    private double _now;

    public int Count => _sequences.Count;

    public Sequence this[int index] => _sequences[index];

    /// <summary>Clients that are remembered.</summary>
    public int Clients => _accounts.Count;

    /// <summary>Adds a sequence that has just arrived, and charges its client.</summary>
    public void Add(Sequence sequence)
    {
        var account = Open(sequence.Request.ClientKey);
        sequence.ExpectedTokens = Math.Max(0, Math.Min(sequence.Remaining, account.ExpectedCompletion));
        sequence.Charged = sequence.Count + sequence.ExpectedTokens;
        sequence.Tag = Math.Max(_now, account.Next);
        account.Next = sequence.Tag + sequence.Charged;
        var at = _sequences.Count;
        while (at > _preempted && _sequences[at - 1].Tag > sequence.Tag) at--;
        _sequences.Insert(at, sequence);
    }

    /// <summary>Puts a sequence that gave up its cells to the front.</summary>
    public void AddPreempted(Sequence sequence)
    {
        _sequences.Insert(0, sequence);
        _preempted++;
    }

    /// <summary>Whose turn it is; the queue is not empty. Stays the same until that one is taken or somebody comes before it.</summary>
    public Sequence Peek()
    {
        var next = _sequences[0];
        if (_preempted > 0 || _turn < TurnsPerOldest - 1) return next;
        foreach (var sequence in _sequences)
        {
            if (sequence.Number < next.Number) next = sequence;
        }

        return next;
    }

    /// <summary>Takes a sequence out to run it.</summary>
    public void Take(Sequence sequence)
    {
        if (!RemoveFromLine(sequence)) throw new InvalidOperationException("A sequence was taken that does not wait.");
        if (sequence.State == SequenceState.Preempted) return;
        _now = Math.Max(_now, sequence.Tag);
        _turn = (_turn + 1) % TurnsPerOldest;
    }

    /// <summary>Ends a sequence, be it waiting or running, and charges its client for what it really took.</summary>
    public void End(Sequence sequence)
    {
        RemoveFromLine(sequence);
        var account = _accounts[sequence.Request.ClientKey];
        var neverRan = sequence.State == SequenceState.Waiting;
        var used = neverRan ? 0 : sequence.Count - sequence.CachedTokens;
        account.Next += used - sequence.Charged;
        if (!neverRan) account.NoteCompletion(sequence.Generated);
        if (--account.Open == 0 && account.Next <= _now) _accounts.Remove(sequence.Request.ClientKey);
    }

    /// <summary>Forgets everything.</summary>
    public void Clear()
    {
        _sequences.Clear();
        _accounts.Clear();
        _preempted = 0;
    }

    /// <summary>Whether the line is in order and the accounts know all of <paramref name="open"/> sequences.</summary>
    public bool IsSound(int open)
    {
        for (var i = 0; i < _sequences.Count; i++)
        {
            var sequence = _sequences[i];
            if ((sequence.State == SequenceState.Preempted) != (i < _preempted)) return false;
            if (sequence.State is not (SequenceState.Waiting or SequenceState.Preempted)) return false;
            if (sequence.Id != Sequence.None || sequence.Computed != 0) return false;
            if (i > _preempted && sequence.Tag < _sequences[i - 1].Tag) return false;
        }

        return _accounts.Values.Sum(static a => a.Open) == open && _accounts.Values.All(static a => a.Open >= 0);
    }

    private ClientAccount Open(string client)
    {
        if (!_accounts.TryGetValue(client, out var account))
        {
            if (_accounts.Count >= MostAccounts) ForgetIdle();
            _accounts.Add(client, account = new());
        }

        account.Open++;
        return account;
    }

    private void ForgetIdle()
    {
        foreach (var (client, account) in _accounts)
        {
            if (account.Open == 0) _accounts.Remove(client);
        }
    }

    private bool RemoveFromLine(Sequence sequence)
    {
        var at = _sequences.IndexOf(sequence);
        if (at < 0) return false;
        _sequences.RemoveAt(at);
        if (at < _preempted) _preempted--;
        return true;
    }
}
