using System.Globalization;
using Gemma3Server.Catalog;
using Gemma3Server.Hub;

namespace Gemma3Server.Cli.Pull;

/// <summary>A pull's progress in words.</summary>
internal static class PullText
{
    public static string Of(PullStatus status) => status.Phase switch
    {
        PullPhase.Resolving => $"asking the hub about {status.File}",
        PullPhase.Waiting => $"another pull is fetching {status.File}; waiting for it",
        PullPhase.Verifying => $"verifying {status.File}: {Share(status)}",
        _ => $"{status.File}: {Share(status)}",
    };

    private static string Share(PullStatus status) =>
        $"{ByteText.Of(status.Bytes)} of {ByteText.Of(status.Total)}"
        + (status.BytesPerSecond > 0 ? $", {ByteText.Of(status.BytesPerSecond)}/s" : "")
        + (status.Left is { } left && status.Bytes < status.Total ? $", {Left(left)} left" : "");

    private static string Left(TimeSpan left) => left < TimeSpan.FromDays(1)
        ? TimeSpan.FromSeconds(Math.Ceiling(left.TotalSeconds)).ToString("hh\\:mm\\:ss", CultureInfo.InvariantCulture)
        : "more than a day";
}
