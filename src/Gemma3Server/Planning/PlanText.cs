using System.Globalization;

namespace Gemma3Server.Planning;

/// <summary>Sizes of plans for people.</summary>
internal static class PlanText
{
    /// <summary>The size of a card by its name's unit, 2^30 bytes.</summary>
    public static string Card(long bytes) => $"{Number(bytes / (double)(1L << 30))} GB GPU";

    /// <summary>Thousands of tokens, rounded down.</summary>
    public static string Tokens(int tokens) => tokens >= 4096 ? $"{tokens / 1024}k" : Number(tokens);

    /// <summary>MiB, rounded.</summary>
    public static string Mebibytes(long bytes) => Number(Math.Round(bytes / (double)(1 << 20)));

    /// <summary>At most one place after the point.</summary>
    public static string Number(double value) => value.ToString("0.#", CultureInfo.InvariantCulture);
}
