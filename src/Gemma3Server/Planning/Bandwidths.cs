namespace Gemma3Server.Planning;

/// <summary>What memories are taken to give where nobody says otherwise, in GB a second; the makers' figures.</summary>
internal static class Bandwidths
{
    /// <summary>Two channels of DDR4-3200, as most desktops with such a card have; DDR5 gives up to 90.</summary>
    public const double Host = 51;

    /// <summary>A common card of each size, in GiB: what most people with so much memory have.</summary>
    public static readonly IReadOnlyList<(int Gigabytes, string Card, double Bandwidth)> Cards =
    [
        (8, "RTX 4060", 272), (12, "RTX 3060", 360), (16, "RTX 4060 Ti", 288), (24, "RTX 3090", 936), (32, "RTX 5090", 1792), (48, "RTX A6000", 768),
        (80, "H100", 3350),
    ];

    /// <summary>That of the largest common card that is no larger.</summary>
    public static double OfGpu(long bytes) => Cards.LastOrDefault(card => (long)card.Gigabytes << 30 <= bytes, Cards[0]).Bandwidth;
}
