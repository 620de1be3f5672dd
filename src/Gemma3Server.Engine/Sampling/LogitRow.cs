using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Gemma3Server.Engine.Sampling;

/// <summary>
/// The logits of one row in blocks of <see cref="BlockSize"/>, some of which a request has changed: those are read from a copy, the others
/// where the runtime left them. Made by <see cref="LogitPatches"/>.
/// </summary>
internal readonly ref struct LogitRow
{
    /// <summary>Tokens in a block: the square root of Gemma's vocabulary is 512, and fewer per block make thresholds sharper.</summary>
    public const int BlockSize = 256;

    private readonly ReadOnlySpan<float> _logits;
    private readonly ReadOnlySpan<int> _slots;
    private readonly ReadOnlySpan<float> _patched;

    /// <summary>Block b is copy number <paramref name="slots"/>[b] in <paramref name="patched"/>, or the original when that is negative.</summary>
    public LogitRow(ReadOnlySpan<float> logits, ReadOnlySpan<int> slots, ReadOnlySpan<float> patched)
    {
        _logits = logits;
        _slots = slots;
        _patched = patched;
    }

    /// <summary>Tokens of the vocabulary.</summary>
    public int Length => _logits.Length;

    /// <summary>Blocks, the last of which is filled up with negative infinity.</summary>
    public int Blocks => _slots.Length;

    /// <summary>The logit of a token.</summary>
    public float this[int token] => Unsafe.Add(ref Block(token / BlockSize), token % BlockSize);

    /// <summary>The first of the <see cref="BlockSize"/> logits of a block; to be read only.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ref float Block(int block)
    {
        var slot = _slots[block];
        return ref slot < 0
            ? ref Unsafe.Add(ref MemoryMarshal.GetReference(_logits), block * BlockSize)
            : ref Unsafe.Add(ref MemoryMarshal.GetReference(_patched), slot * BlockSize);
    }

    /// <summary>The logits of a block.</summary>
    public ReadOnlySpan<float> Values(int block) => MemoryMarshal.CreateReadOnlySpan(ref Block(block), BlockSize);
}
