namespace Gemma3Server.Engine.Scheduling;

/// <summary>The sequences that wait to run: a queue for each class, the best class first.</summary>
/// <remarks>
/// A class ages: after <see cref="Patience"/> sequences of better classes were admitted past it, the next is one of its own. So the worst class
/// has one admission in nine at least and the middle one in ten, whatever comes, and the bound is one of turns, not of time: where time alone promoted them, all of
/// a loaded server's patient requests would be promoted and the classes would mean nothing. Used by the engine loop alone.
/// </remarks>
internal sealed class WaitingQueue
{
    /// <summary>Admissions that a class lets better ones have before it has one itself.</summary>
    public const int Patience = 8;

    private readonly ClassQueue[] _classes = [.. Enum.GetValues<RequestPriority>().Select(static _ => new ClassQueue())];
    private readonly int[] _passedOver = new int[Enum.GetValues<RequestPriority>().Length];
    private bool _positionsChanged;

    /// <summary>Sequences that wait.</summary>
    public int Count { get; private set; }

    /// <summary>The queue of a class.</summary>
    public ClassQueue this[RequestPriority priority] => _classes[(int)priority];

    /// <summary>Adds a sequence that has just arrived.</summary>
    public void Add(Sequence sequence)
    {
        Of(sequence).Add(sequence);
        Count++;
        _positionsChanged = true;
    }

    /// <summary>Puts a sequence that gave up its cells to the front of its class.</summary>
    public void AddPreempted(Sequence sequence)
    {
        Of(sequence).AddPreempted(sequence);
        Count++;
        _positionsChanged = true;
    }

    /// <summary>Whose turn it is; <see langword="null"/> when nobody waits.</summary>
    public Sequence? Peek()
    {
        if (Count == 0) return null;
        for (var i = _classes.Length - 1; i > 0; i--)
        {
            if (_passedOver[i] >= Patience && _classes[i].Count > 0) return _classes[i].Peek();
        }

        foreach (var queue in _classes)
        {
            if (queue.Count > 0) return queue.Peek();
        }

        return null;
    }

    /// <summary>Takes the sequence whose turn it is, to run it.</summary>
    public void Take(Sequence sequence)
    {
        var own = (int)sequence.Request.Priority;
        _classes[own].Take(sequence);
        _passedOver[own] = 0;
        for (var i = own + 1; i < _classes.Length; i++)
        {
            _passedOver[i] = _classes[i].Count > 0 ? _passedOver[i] + 1 : 0;
        }

        Left(sequence);
    }

    /// <summary>Notes the end of a sequence, be it waiting or running: it leaves the line, and its client's account is settled.</summary>
    public void End(Sequence sequence)
    {
        var queue = Of(sequence);
        var before = queue.Count;
        queue.End(sequence);
        if (queue.Count < before) Left(sequence);
    }

    /// <summary>Adds all who wait to <paramref name="list"/>.</summary>
    public void CopyTo(List<Sequence> list)
    {
        foreach (var queue in _classes)
        {
            for (var i = 0; i < queue.Count; i++) list.Add(queue[i]);
        }
    }

    /// <summary>Forgets everybody.</summary>
    public void Clear()
    {
        foreach (var queue in _classes) queue.Clear();
        Count = 0;
    }

    /// <summary>Tells each who waits its place, if any has changed; ageing may let somebody in before.</summary>
    public void PublishPositions()
    {
        if (!_positionsChanged) return;
        _positionsChanged = false;
        var position = 0;
        foreach (var queue in _classes)
        {
            for (var i = 0; i < queue.Count; i++) queue[i].Position = ++position;
        }
    }

    /// <summary>Throws when a line is out of order or an account is wrong.</summary>
    /// <param name="running">The sequences that were taken and have not ended.</param>
    public void CheckIntegrity(List<Sequence> running)
    {
        var sound = _classes.Sum(static q => q.Count) == Count;
        for (var i = 0; i < _classes.Length; i++)
        {
            sound &= _classes[i].IsSound(_classes[i].Count + running.Count(s => (int)s.Request.Priority == i));
            for (var k = 0; k < _classes[i].Count; k++) sound &= (int)_classes[i][k].Request.Priority == i;
        }

        sound &= running.TrueForAll(static s => s.Position == 0);
        if (!sound) throw new InvalidOperationException("Scheduler integrity: the waiting queue is inconsistent.");
    }

    private ClassQueue Of(Sequence sequence) => _classes[(int)sequence.Request.Priority];

    private void Left(Sequence sequence)
    {
        Count--;
        sequence.Position = 0;
        _positionsChanged = true;
    }
}
