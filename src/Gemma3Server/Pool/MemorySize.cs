namespace Gemma3Server.Pool;

/// <summary>Bytes of the host's memory and of all GPUs'.</summary>
internal readonly record struct MemorySize(long Host, long Gpu)
{
    /// <summary>More than any machine has; sums of it do not overflow.</summary>
    public static MemorySize Unlimited { get; } = new(long.MaxValue / 4, long.MaxValue / 4);

    public long Total => Host + Gpu;

    public static MemorySize operator +(MemorySize left, MemorySize right) => new(left.Host + right.Host, left.Gpu + right.Gpu);

    public static MemorySize operator -(MemorySize left, MemorySize right) => new(left.Host - right.Host, left.Gpu - right.Gpu);

    /// <summary>Whether there is room in <paramref name="free"/>.</summary>
    public bool FitsInto(MemorySize free) => Host <= free.Host && Gpu <= free.Gpu;
}
