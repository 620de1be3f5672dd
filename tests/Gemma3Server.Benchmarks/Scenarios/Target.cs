using System.Globalization;

namespace Gemma3Server.Benchmarks.Scenarios;

/// <summary>A bound on a ratio of two sides of one run.</summary>
/// <param name="Against">The side that the engine as configured by default is divided by.</param>
/// <param name="Bound">The bound.</param>
/// <param name="AtLeast">Whether it is a lower bound.</param>
internal sealed record Target(SideKind Against, double Bound, bool AtLeast)
{
    public static Target AtLeastOf(SideKind against, double bound) => new(against, bound, true);

    public static Target AtMostOf(SideKind against, double bound) => new(against, bound, false);

    /// <summary>Whether a ratio keeps the bound; one that is not known does not.</summary>
    public bool IsMet(double ratio) => AtLeast ? ratio >= Bound : ratio <= Bound;

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{(AtLeast ? ">=" : "<=")} {Bound:0.##} of {Against.Title()}");
}
