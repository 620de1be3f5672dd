using System.Globalization;
using Spectre.Console;

namespace Gemma3Server.Cli.Bench;

/// <summary>Collects results and prints them as one table.</summary>
internal sealed class BenchReport(IAnsiConsole console, BenchPlan plan)
{
    private const int WidthWithoutTerminal = 120;

    private readonly List<(string Path, LoadResult Result)> _results = [];

    /// <summary>What was measured: model and hardware.</summary>
    public string Subject { get; set; } = "";

    /// <summary>What the load took, where that was measured.</summary>
    public MemoryMeasurement? Memory { get; set; }

    public void Add(string path, LoadResult result) => _results.Add((path, result));

    /// <summary>Medians over the rounds; the ratio is taken round by round against the native loop, since the machine's pace drifts.</summary>
    public void Print()
    {
        var table = new Table().Border(TableBorder.Simple);
        table.AddColumn("streams");
        table.AddColumn("path");
        foreach (var title in new[] { "prefill tok/s", "decode tok/s", "of native", "TTFT p50 ms", "TTFT p99 ms", "ITL p50 ms", "ITL p99 ms" })
            table.AddColumn(new TableColumn(title).RightAligned());

        foreach (var group in _results.GroupBy(r => (r.Result.Streams, r.Path)))
        {
            LoadResult[] rounds = [.. group.Select(r => r.Result)];
            double[] native = [.. _results.Where(r => r.Path == BenchRun.Native && r.Result.Streams == group.Key.Streams)
                .Select(r => r.Result.DecodeTokensPerSecond)];
            var ratio = native.Length == rounds.Length ? rounds.Zip(native, (r, n) => r.DecodeTokensPerSecond / n).Median() : double.NaN;
            table.AddRow(
                group.Key.Streams.ToString(CultureInfo.InvariantCulture),
                group.Key.Path,
                Number(rounds.Select(r => r.PrefillTokensPerSecond).Median(), "0.0"),
                Number(rounds.Select(r => r.DecodeTokensPerSecond).Median(), "0.0"),
                Number(ratio, "0.000"),
                Milliseconds(rounds.SelectMany(r => r.TimeToFirstToken), 0.5),
                Milliseconds(rounds.SelectMany(r => r.TimeToFirstToken), 0.99),
                Milliseconds(rounds.SelectMany(r => r.InterTokenLatency), 0.5),
                Milliseconds(rounds.SelectMany(r => r.InterTokenLatency), 0.99));
        }

        // Piped into a file or a log, the table shall not be folded to the width of a terminal that is not there.
        if (!console.Profile.Out.IsTerminal) console.Profile.Width = Math.Max(console.Profile.Width, WidthWithoutTerminal);
        console.WriteLine(Subject);
        console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"prompts of about {plan.PromptTokens} tokens, {plan.Tokens} tokens a stream, greedy, medians of {plan.Rounds} rounds in turn"));
        console.Write(table);
        if (_results.Any(r => double.IsNaN(r.Result.DecodeTokensPerSecond)))
            console.WriteLine("A rate of - : the first stream ended before the last one had begun. Give more --tokens.");
        if (Memory is null) return;
        if (Memory.HostTaken is { } host) console.WriteLine(Bytes("host", Memory.HostPlanned, host));
        if (Memory.GpuPlanned > 0) console.WriteLine(Bytes("GPU", Memory.GpuPlanned, Memory.GpuTaken));
    }

    private static string Bytes(string name, long planned, long taken) => string.Create(CultureInfo.InvariantCulture,
        $"{name} memory: {planned / 1048576.0:0} MiB planned, {taken / 1048576.0:0} MiB taken ({100.0 * (planned - taken) / taken:+0.0;-0.0} %)");

    private static string Milliseconds(IEnumerable<double> seconds, double quantile) => Number(seconds.Quantile(quantile) * 1000, "0.0");

    private static string Number(double value, string format) => double.IsNaN(value) ? "-" : value.ToString(format, CultureInfo.InvariantCulture);
}
