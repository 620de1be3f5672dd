using System.Numerics;
using System.Runtime.CompilerServices;

namespace Gemma3Server.Engine.Structured.Automata;

/// <summary>A set of <see cref="ByteGroups"/>.</summary>
internal readonly record struct GroupSet(ulong Low, ulong High)
{
    public bool IsEmpty => (Low | High) == 0;

    public int Count => BitOperations.PopCount(Low) + BitOperations.PopCount(High);

    public static GroupSet Of(int group) => group < 64 ? new(1UL << group, 0) : new(0, 1UL << (group - 64));

    public bool Contains(int group) => (((group < 64 ? Low : High) >> (group & 63)) & 1) != 0;

    /// <summary>Whether they have a group in common.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Meets(GroupSet other) => ((Low & other.Low) | (High & other.High)) != 0;

    public static GroupSet operator |(GroupSet left, GroupSet right) => new(left.Low | right.Low, left.High | right.High);

    public static GroupSet operator &(GroupSet left, GroupSet right) => new(left.Low & right.Low, left.High & right.High);

    public static GroupSet operator ~(GroupSet set) => new(~set.Low, ~set.High);
}
