using System.Runtime.CompilerServices;

namespace Gemma3Server.Engine.Sampling;

/// <summary>
/// A logit and its token id in one integer that orders as the sampler wants it: a larger logit is larger, and of equal logits the lower id
/// is. One comparison then sorts candidates, and ties fall the same way on every platform.
/// </summary>
internal static class LogitKey
{
    /// <summary>The key of a logit that is not NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Of(float logit, int token)
    {
        // + 0 makes one zero of the two.
        var bits = BitConverter.SingleToUInt32Bits(logit + 0f);
        bits = (bits & 0x8000_0000) != 0 ? ~bits : bits | 0x8000_0000;
        return ((ulong)bits << 32) | ~(uint)token;
    }

    /// <summary>The logit in a key.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Logit(ulong key)
    {
        var bits = (uint)(key >> 32);
        return BitConverter.UInt32BitsToSingle((bits & 0x8000_0000) != 0 ? bits & 0x7FFF_FFFF : ~bits);
    }

    /// <summary>The token id in a key.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Token(ulong key) => (int)~(uint)key;
}
