using System.IO.Hashing;
using System.Runtime.InteropServices;
using Gemma3Server.Runtime;

namespace Gemma3Server.Testing;

/// <summary>
/// A runtime without a model: the logits of a row are a pure function of what the sequence's own KV holds at that row. A token that was
/// computed on the wrong prefix, at the wrong position or after its window was lost therefore changes everything that follows, and a test
/// that compares token lists sees it. Breaking the contract throws instead of answering, so that the engine's tests catch the engine.
/// </summary>
public sealed class FakeModelRuntime : IModelRuntime, IEmbeddingRuntime, IInterruptible
{
    private readonly FakeRuntimeOptions _options;
    private readonly FakeSequence[] _sequences;
    private readonly FakeCells _cells = new();
    private readonly Dictionary<int, float[]> _logits = [];
    private readonly FakeEmbeddings _embeddings;
    private int _owner;
    private bool _disposed;
    private volatile bool _interrupted;

    public FakeModelRuntime(FakeRuntimeOptions? options = null)
    {
        _options = options ?? new();
        _sequences = [.. Enumerable.Range(0, _options.MaxSequences).Select(_ => new FakeSequence(_cells))];
        Model = new ModelInfo
        {
            Name = "fake",
            Architecture = "gemma3",
            Description = "fake model",
            VocabularySize = Tokenizer.VocabularySize,
            TrainedContextLength = _options.ContextLength,
            SlidingWindow = _options.SlidingWindow,
            EmbeddingLength = FakeEmbeddings.Length,
        };
        _embeddings = new(_options.ContextLength, Tokenizer.VocabularySize, EmbeddingChunk);
        Limits = new RuntimeLimits
        {
            MaxSequences = _options.MaxSequences,
            ContextLength = _options.ContextLength,
            MaxBatchTokens = _options.MaxBatchTokens,
            MicroBatchTokens = _options.MicroBatchTokens,
            PrefillTile = _options.PrefillTile,
            SharedCells = _options.SharedCells > 0,
            TotalCells = _options.SharedCells > 0 ? _options.SharedCells : (long)_options.ContextLength * _options.MaxSequences,
        };
    }

    public ModelInfo Model { get; }

    public RuntimeLimits Limits { get; }

    public ITokenizer Tokenizer { get; } = new FakeTokenizer();

    public IMediaProcessor? Media => null;

    /// <summary>Forward steps so far.</summary>
    public int Forwards { get; private set; }

    /// <summary>Cells that all sequences hold; a forked one counts once.</summary>
    public int UsedCells => _cells.Used;

    /// <summary>Rows computed so far.</summary>
    public int Rows { get; private set; }

    /// <summary>The row counts of each forward step.</summary>
    public List<int> RowsPerForward { get; } = [];

    public bool Disposed => _disposed;

    /// <summary>Snapshots whose memory has not been given back.</summary>
    public int LiveSnapshots { get; internal set; }

    /// <summary>Calls of <see cref="Interrupt"/> so far.</summary>
    public int Interrupts { get; private set; }

    public ForwardStatus Forward(ForwardBatch batch)
    {
        AssertOwner();
        _logits.Clear();
        var injected = _options.OnForward?.Invoke(Forwards) ?? ForwardStatus.Ok;
        Forwards++;
        if (_interrupted) return ForwardStatus.Aborted;
        if (injected != ForwardStatus.Ok) return injected;
        if (!IsValid(batch)) return ForwardStatus.InvalidBatch;
        if (!HasCells(batch.Count)) return ForwardStatus.NoSpace;
        if (_options.RowsInMemory?.Invoke() < batch.Count) return ForwardStatus.OutOfMemory;

        RowsPerForward.Add(batch.Count);
        for (var i = 0; i < batch.Count; i++)
        {
            var sequence = _sequences[batch.Sequences[i]];
            sequence.Append(batch.Tokens[i], KeptCells);
            Rows++;
            if (batch.WantLogits[i]) _logits[i] = ComputeLogits(sequence);
        }

        return ForwardStatus.Ok;
    }

    public ForwardStatus ForwardMedia(int sequence, int position, MediaInput input) => ForwardStatus.InvalidBatch;

    public ReadOnlySpan<float> Logits(int row)
    {
        AssertOwner();
        return _logits.TryGetValue(row, out var values) ? values : [];
    }

    public int EmbeddingChunk => Math.Min(16, _options.MicroBatchTokens);

    /// <summary>Embedding calls so far.</summary>
    public int EmbeddingForwards { get; private set; }

    public ForwardStatus ForwardEmbedding(ReadOnlySpan<int> text, int start, int count)
    {
        AssertOwner();
        var injected = _options.OnEmbedding?.Invoke(EmbeddingForwards) ?? ForwardStatus.Ok;
        EmbeddingForwards++;
        return _embeddings.Forward(text, start, count, _interrupted ? ForwardStatus.Aborted : injected);
    }

    public ReadOnlySpan<float> HiddenState(int row)
    {
        AssertOwner();
        return _embeddings.HiddenState(row);
    }

    public int Length(int sequence) => IsKnown(sequence) ? _sequences[sequence].Tokens.Count : 0;

    public int Rewind(int sequence, int length)
    {
        AssertOwner();
        if (!IsKnown(sequence)) return 0;
        var target = _sequences[sequence];
        if (length >= target.Tokens.Count) return target.Tokens.Count;
        if (length <= 0 || !target.CanRewind(length, _options.SlidingWindow) || _options.LosesOnRewind?.Invoke() == true)
        {
            target.Clear();
            return 0;
        }

        target.Truncate(length);
        return length;
    }

    public bool TryFork(int from, int to, int length)
    {
        AssertOwner();
        if (!IsKnown(from) || !IsKnown(to) || from == to || length <= 0 || length > Length(from) || Length(to) != 0) return false;
        if (length < Length(from) && !_sequences[from].CanRewind(length, _options.SlidingWindow)) return false;
        _sequences[to].CopyFrom(_sequences[from], length);
        return true;
    }

    public SequenceSnapshot? Snapshot(int sequence, SnapshotScope scope)
    {
        AssertOwner();
        if (Length(sequence) == 0) return null;
        if (_options.SnapshotFails?.Invoke() == true) throw new InsufficientMemoryException();
        var source = _sequences[sequence];
        int[] values = [source.FirstKept, .. source.Tokens];
        var data = MemoryMarshal.AsBytes(values.AsSpan()).ToArray();
        return new(scope, source.Tokens.Count, data, XxHash64.HashToUInt64(data), new SnapshotMemory(this, data));
    }

    public bool Restore(int sequence, SequenceSnapshot snapshot)
    {
        AssertOwner();
        if (!IsKnown(sequence)) return false;
        ObjectDisposedException.ThrowIf(snapshot.Memory is SnapshotMemory { IsDisposed: true }, snapshot);
        var target = _sequences[sequence];
        var prefixHeld = snapshot.Scope == SnapshotScope.Full || target.Tokens.Count >= snapshot.Length;
        var values = MemoryMarshal.Cast<byte, int>(snapshot.Data.Span);
        var intact = XxHash64.HashToUInt64(snapshot.Data.Span) == snapshot.Checksum && values.Length == snapshot.Length + 1;
        if (!intact || !prefixHeld || snapshot.Length > _options.ContextLength)
        {
            target.Clear();
            return false;
        }

        // As with the real library, a snapshot carries no more of the local layers than the window before its end.
        var kept = _options.SlidingWindow == 0 ? 0 : Math.Max(0, snapshot.Length - _options.SlidingWindow);
        var first = Math.Max(values[0], kept);
        if (snapshot.Scope == SnapshotScope.Full)
        {
            target.Clear();
            if (!HasCells(snapshot.Length)) return false;
            target.Set(values[1..], first);
            return true;
        }

        var samePrefix = CollectionsMarshal.AsSpan(target.Tokens)[..snapshot.Length].SequenceEqual(values[1..]);
        if (!samePrefix) throw new InvalidOperationException("A sliding-window snapshot was restored onto a different prefix.");
        target.SetWindow(snapshot.Length, first);
        return true;
    }

    public void Release(int sequence)
    {
        AssertOwner();
        if (IsKnown(sequence)) _sequences[sequence].Clear();
    }

    public void Interrupt()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        Interrupts++;
        _interrupted = true;
        _options.OnInterrupt?.Invoke();
    }

    public void Dispose() => _disposed = true;

    /// <summary>The token that greedy decoding yields after <paramref name="tokens"/>: what an engine must reproduce.</summary>
    public static int GreedyNext(IReadOnlyList<int> tokens, FakeRuntimeOptions? options = null)
    {
        using var runtime = new FakeModelRuntime((options ?? new()) with { SharedCells = 0, OnForward = null, RowsInMemory = null, MaxBatchTokens = int.MaxValue });
        var batch = new ForwardBatch();
        for (var i = 0; i < tokens.Count; i++) batch.Add(tokens[i], i, 0, i == tokens.Count - 1);
        runtime.Forward(batch);
        var logits = runtime.Logits(tokens.Count - 1);
        return logits.IndexOf(logits.ToArray().Max());
    }

    private int KeptCells => _options.SlidingWindow == 0 ? int.MaxValue : _options.SlidingWindow + _options.MicroBatchTokens;

    private bool HasCells(int more) => _options.SharedCells == 0 || _cells.Used + more <= _options.SharedCells;

    private bool IsKnown(int sequence) => sequence >= 0 && sequence < _sequences.Length;

    private bool IsValid(ForwardBatch batch)
    {
        if (batch.Count == 0 || batch.Count > _options.MaxBatchTokens) return false;
        var added = new Dictionary<int, int>();
        for (var i = 0; i < batch.Count; i++)
        {
            var id = batch.Sequences[i];
            if (!IsKnown(id) || batch.Tokens[i] < 0 || batch.Tokens[i] >= Tokenizer.VocabularySize) return false;
            var position = Length(id) + added.GetValueOrDefault(id);
            if (batch.Positions[i] != position || position >= _options.ContextLength) return false;
            added[id] = added.GetValueOrDefault(id) + 1;
        }

        return true;
    }

    private float[] ComputeLogits(FakeSequence sequence)
    {
        var logits = new float[Tokenizer.VocabularySize];
        var state = sequence.Hash(_options.SlidingWindow) ^ _options.Salt;
        for (var token = 0; token < logits.Length; token++)
        {
            // SplitMix64 of (state, token), spread over -4 to 4.
            var z = state + ((ulong)(token + 1) * 0x9E3779B97F4A7C15UL);
            z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
            z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
            logits[token] = ((z ^ (z >> 31)) >> 40) * (8f / (1 << 24)) - 4f;
        }

        // Only printable bytes and, seldom, the end of turn: texts in tests stay readable.
        for (var token = 0; token < logits.Length; token++)
        {
            var printable = token is >= FakeTokenizer.FirstByte + 32 and < FakeTokenizer.FirstByte + 127;
            if (!printable && token != FakeTokenizer.EndOfTurn) logits[token] -= 100f;
        }

        if (_options.Next?.Invoke(sequence.Tokens) is { } forced) logits[forced] = 100f;
        return logits;
    }

    private void AssertOwner()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        var thread = Environment.CurrentManagedThreadId;
        var owner = Interlocked.CompareExchange(ref _owner, thread, 0);
        if (owner != 0 && owner != thread) throw new InvalidOperationException("The runtime was used from two threads.");
    }
}
