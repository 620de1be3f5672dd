namespace Gemma3Server.Engine.Sampling;

/// <summary>Changes single logits of a row that belongs to the runtime, by copying the blocks that hold them and no others.</summary>
internal sealed class LogitPatches
{
    private int[] _slots = [];
    private float[] _patched = [];
    private int _blocks;
    private int _used;

    /// <summary>Starts over with a row, which must not be empty.</summary>
    public void Begin(ReadOnlySpan<float> logits)
    {
        _blocks = (logits.Length + LogitRow.BlockSize - 1) / LogitRow.BlockSize;
        if (_slots.Length < _blocks) _slots = GC.AllocateUninitializedArray<int>(_blocks);
        _slots.AsSpan(0, _blocks).Fill(-1);
        _used = 0;

        // A last block that the vocabulary does not fill is always a copy, so that whoever reads blocks reads whole ones.
        if (logits.Length % LogitRow.BlockSize != 0) Copy(logits, _blocks - 1);
    }

    /// <summary>The logit of a token of the row's, to be changed; until the next call.</summary>
    public ref float At(ReadOnlySpan<float> logits, int token)
    {
        var block = token / LogitRow.BlockSize;
        if (_slots[block] < 0) Copy(logits, block);
        return ref _patched[(_slots[block] * LogitRow.BlockSize) + (token % LogitRow.BlockSize)];
    }

    /// <summary>The row with its changes, of which there must be no more while it is in use.</summary>
    public LogitRow Row(ReadOnlySpan<float> logits) => new(logits, _slots.AsSpan(0, _blocks), _patched);

    private void Copy(ReadOnlySpan<float> logits, int block)
    {
        var at = _used * LogitRow.BlockSize;
        if (_patched.Length < at + LogitRow.BlockSize) Array.Resize(ref _patched, Math.Max(2 * _patched.Length, at + LogitRow.BlockSize));
        var source = logits[(block * LogitRow.BlockSize)..];
        var target = _patched.AsSpan(at, LogitRow.BlockSize);
        if (source.Length >= target.Length)
        {
            source[..target.Length].CopyTo(target);
        }
        else
        {
            source.CopyTo(target);
            target[source.Length..].Fill(float.NegativeInfinity);
        }

        _slots[block] = _used++;
    }
}
