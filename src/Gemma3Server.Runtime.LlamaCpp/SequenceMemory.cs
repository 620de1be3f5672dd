using System.IO.Hashing;
using Gemma3Server.Runtime.LlamaCpp.Interop;
using Gemma3Server.Runtime.LlamaCpp.Loading;

namespace Gemma3Server.Runtime.LlamaCpp;

/// <summary>
/// The KV memory of one context, sequence by sequence. It keeps each sequence's length itself and knows the two rules that the library does
/// not enforce: a local layer must still hold the whole window before a position from which a sequence goes on, and an id or range that the
/// library does not expect ends the process.
/// </summary>
/// <remarks>
/// Gemma 3 has two caches: one for global layers, with every position, and one for local layers, where a position stays until its cell is
/// reused. The library's own answers (<c>seq_rm</c> true, <c>pos_max</c>) concern the local one only. Owned by the engine loop.
/// </remarks>
internal sealed unsafe class SequenceMemory : IDisposable
{
    private readonly LlamaContext _context;
    private readonly nint _memory;
    private readonly int _window;
    private readonly bool _shared;
    private readonly int[] _lengths;
    private readonly StatePool _states = new(ComputeDevice.PinnedMemoryType());
    private readonly ulong _layout;

    public SequenceMemory(ModelInfo model, LlamaContext context)
    {
        _context = context;
        _memory = context.Memory;
        _window = model.SlidingWindow;
        _shared = context.Plan.SharedCells;
        _lengths = new int[context.Plan.Sequences];
        _layout = SnapshotFormat.LayoutOf(model, context.Plan);
    }

    /// <inheritdoc cref="ISnapshotPool.LimitSnapshots"/>
    public void LimitSnapshots(long bytes) => _states.Limit(bytes);

    public bool IsKnown(int sequence) => (uint)sequence < (uint)_lengths.Length;

    public int Length(int sequence) => IsKnown(sequence) ? _lengths[sequence] : 0;

    /// <summary>Counts the rows of a successful step; each entry is one row's (valid) sequence id.</summary>
    public void Advance(ReadOnlySpan<int> sequences)
    {
        foreach (var sequence in sequences) _lengths[sequence]++;
    }

    public void Advance(int sequence, int rows) => _lengths[sequence] += rows;

    /// <summary>
    /// Takes over what the library kept of the given sequences after a failed step: it removes the rows of the micro-batch that failed and
    /// keeps those before. A sequence whose window is not whole any more is dropped.
    /// </summary>
    public void ReadBack(ReadOnlySpan<int> sequences)
    {
        foreach (var sequence in sequences)
        {
            var length = LlamaNative.llama_memory_seq_pos_max(_memory, sequence) + 1;
            if (length > 0 && HoldsWindowBefore(sequence, length)) _lengths[sequence] = length;
            else Release(sequence);
        }
    }

    public int Rewind(int sequence, int length)
    {
        if (!IsKnown(sequence)) return 0;
        if (length >= _lengths[sequence]) return _lengths[sequence];
        if (length <= 0 || !HoldsWindowBefore(sequence, length))
        {
            Release(sequence);
            return 0;
        }

        LlamaNative.llama_memory_seq_rm(_memory, sequence, length, -1);
        return _lengths[sequence] = length;
    }

    public bool TryFork(int from, int to, int length)
    {
        if (!IsKnown(from) || !IsKnown(to) || from == to || length <= 0 || length > _lengths[from] || _lengths[to] != 0) return false;
        if (length < _lengths[from] && !HoldsWindowBefore(from, length)) return false;
        if (!(_shared ? ForkCells(from, to, length) : CopyStream(from, to, length)))
        {
            Release(to);
            return false;
        }

        _lengths[to] = length;
        return true;
    }

    public SequenceSnapshot? Snapshot(int sequence, SnapshotScope scope)
    {
        if (!IsKnown(sequence) || _lengths[sequence] == 0) return null;
        var flags = FlagsOf(scope);
        var size = (long)LlamaNative.llama_state_seq_get_size_ext(_context.Pointer, sequence, flags);
        if (size == 0 || size > Array.MaxLength - SnapshotFormat.HeaderBytes) return null;

        // Up to hundreds of MiB for what only saves time: where there is no room the engine makes some, and goes on without it.
        var memory = _states.Rent(SnapshotFormat.HeaderBytes + (int)size, isKept: true) ?? throw new InsufficientMemoryException("There is no memory for a snapshot.");
        var data = memory.GetSpan();
        SnapshotFormat.WriteHeader(data, scope, _lengths[sequence], _layout);
        fixed (byte* payload = data[SnapshotFormat.HeaderBytes..])
        {
            if ((long)LlamaNative.llama_state_seq_get_data_ext(_context.Pointer, payload, (nuint)size, sequence, flags) == size)
                return new(scope, _lengths[sequence], memory.Memory, XxHash3.HashToUInt64(data), memory);
        }

        ((IDisposable)memory).Dispose();
        return null;
    }

    public bool Restore(int sequence, SequenceSnapshot snapshot)
    {
        if (!IsKnown(sequence)) return false;
        var data = snapshot.Data.Span;
        var prefixHeld = snapshot.Scope == SnapshotScope.Full || _lengths[sequence] >= snapshot.Length;
        if (!prefixHeld || snapshot.Length > _context.Plan.ContextLength || !SnapshotFormat.IsIntact(snapshot, _layout))
        {
            Release(sequence);
            return false;
        }

        if (snapshot.Scope == SnapshotScope.Full) Release(sequence);
        else LlamaNative.llama_memory_seq_rm(_memory, sequence, snapshot.Length, -1);
        if (!SetState(sequence, data[SnapshotFormat.HeaderBytes..], FlagsOf(snapshot.Scope)))
        {
            Release(sequence); // the library may have written a part
            return false;
        }

        GC.KeepAlive(snapshot); // its memory is not the collector's
        _lengths[sequence] = snapshot.Length;
        return true;
    }

    public void Release(int sequence)
    {
        if (!IsKnown(sequence)) return;
        LlamaNative.llama_memory_seq_rm(_memory, sequence, -1, -1);
        _lengths[sequence] = 0;
    }

    public void Dispose() => _states.Dispose();

    private static LlamaStateFlags FlagsOf(SnapshotScope scope) => scope == SnapshotScope.Full ? LlamaStateFlags.None : LlamaStateFlags.SlidingWindowOnly;

    /// <summary>Whether local layers hold every position that a row at <paramref name="length"/> needs.</summary>
    /// <remarks>
    /// The oldest position tells: when a cell is reused, the library drops all older positions of the sequence that held it, so that no
    /// hole stays behind (llama-kv-cache.cpp, apply_ubatch).
    /// </remarks>
    private bool HoldsWindowBefore(int sequence, int length) =>
        _window == 0 || (LlamaNative.llama_memory_seq_pos_min(_memory, sequence) is >= 0 and var oldest && oldest <= Math.Max(0, length - _window + 1));

    /// <summary>
    /// Shared pool: the global cells get a second owner, without a copy. The local ones must not stay shared, since a cell with two owners is
    /// never reused and the pool would fill up; writing the target's own window back into it gives it copies and frees the shared ones.
    /// </summary>
    private bool ForkCells(int from, int to, int length)
    {
        LlamaNative.llama_memory_seq_cp(_memory, from, to, 0, length);
        if (_window == 0) return true;
        if (!HoldsWindowBefore(to, length)) return false;
        using var window = GetState(to, LlamaStateFlags.SlidingWindowOnly);
        return window is not null && SetState(to, window.GetSpan(), LlamaStateFlags.SlidingWindowOnly);
    }

    /// <summary>
    /// Own cells: the source's state is written into the target. For a shorter prefix the source is cut for a moment and then brought back,
    /// because a state holds only the window before its own end.
    /// </summary>
    private bool CopyStream(int from, int to, int length)
    {
        if (length == _lengths[from]) return CopyState(from, to);
        using var saved = GetState(from, LlamaStateFlags.None);
        if (saved is null) return false;
        LlamaNative.llama_memory_seq_rm(_memory, from, length, -1);
        var copied = CopyState(from, to);
        if (SetState(from, saved.GetSpan(), LlamaStateFlags.None)) return copied;
        Release(from); // half written
        return false;
    }

    private bool CopyState(int from, int to)
    {
        using var state = GetState(from, LlamaStateFlags.None);
        return state is not null && SetState(to, state.GetSpan(), LlamaStateFlags.None);
    }

    /// <summary>A sequence's state, to be disposed of; <see langword="null"/> when it has none or there is no memory for it.</summary>
    private StateMemory? GetState(int sequence, LlamaStateFlags flags)
    {
        var size = LlamaNative.llama_state_seq_get_size_ext(_context.Pointer, sequence, flags);
        if (size == 0 || size > (nuint)Array.MaxLength || _states.Rent((int)size, isKept: false) is not { } state) return null;
        fixed (byte* target = state.GetSpan())
        {
            if (LlamaNative.llama_state_seq_get_data_ext(_context.Pointer, target, size, sequence, flags) == size) return state;
        }

        ((IDisposable)state).Dispose();
        return null;
    }

    private bool SetState(int sequence, ReadOnlySpan<byte> state, LlamaStateFlags flags)
    {
        fixed (byte* source = state)
            return state.Length > 0 && LlamaNative.llama_state_seq_set_data_ext(_context.Pointer, source, (nuint)state.Length, sequence, flags) == (nuint)state.Length;
    }
}
