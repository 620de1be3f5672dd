using System.Globalization;
using Gemma3Server.Cli.Bench;
using Gemma3Server.Runtime;
using Gemma3Server.Runtime.LlamaCpp;
using Microsoft.Extensions.Logging.Abstractions;
using Spectre.Console;

namespace Gemma3Server.Benchmarks;

/// <summary>
/// What rows of one native call cost, bare: of one stream, as when its draft is verified, of one stream beside others, and of all alike. It bounds what
/// speculation can gain on a machine: n rows that all hold yield n tokens in the time told here.
/// </summary>
/// <remarks>One compute thread, whose processor time counts, all cases by turns, the median of each: other users of the machine disturb it little.</remarks>
internal static class RowCosts
{
    private const int Prompt = 64;
    private const int Rounds = 25;

    public static int Run(string model, bool sharedCells)
    {
        int[][] cases =
        [
            .. new[] { 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 16, 17, 24, 32 }.Select(rows => new[] { rows }),
            .. new[] { (8, 4), (8, 8), (16, 4) }.Select(level => Enumerable.Repeat(level.Item2, level.Item1).ToArray()),
            .. new[] { 8, 16 }.SelectMany(streams => new[] { 0, 3, 4, 7 }.Select(more => (int[])[1 + more, .. Enumerable.Repeat(1, streams - 1)])),
        ];
        var options = new LlamaCppOptions
        {
            ModelPath = model,
            ContextLength = 256,
            Parallel = 16,
            Threads = 1,
            LogitsRows = 64,
            SharedCells = sharedCells,
        };
        using var runtime = LlamaCppRuntime.Load(options, NullLoggerFactory.Instance);
        var batch = new ForwardBatch();
        for (var id = 0; id < 16; id++) Forward(runtime, batch, id, 0, Prompt, wantLogits: false);
        var times = cases.Select(_ => new List<double>()).ToArray();
        for (var round = 0; round <= Rounds; round++)
        {
            for (var c = 0; c < cases.Length; c++)
            {
                batch.Clear();
                for (var id = 0; id < cases[c].Length; id++) Add(batch, id, Prompt, cases[c][id], wantLogits: true);
                var time = ThreadClock.Microseconds(() => Check(runtime.Forward(batch)));
                for (var id = 0; id < cases[c].Length; id++) runtime.Rewind(id, Prompt);
                if (round > 0) times[c].Add(time); // the first round warms up
            }
        }

        var table = new Table().AddColumns("streams", "rows", "ms", "to one row", "to its streams alone");
        for (var c = 0; c < cases.Length; c++)
        {
            var alone = cases.Index().First(other => other.Item.Length == cases[c].Length && other.Item.Max() == 1).Index;
            var median = times[c].Median();
            table.AddRow(
                $"{cases[c].Length}", $"{cases[c].Sum()}", Say(median / 1000), Say(median / times[0].Median()), Say(median / times[alone].Median()));
        }

        AnsiConsole.Write(table);
        return 0;
    }

    private static void Forward(LlamaCppRuntime runtime, ForwardBatch batch, int id, int start, int count, bool wantLogits)
    {
        batch.Clear();
        Add(batch, id, start, count, wantLogits);
        Check(runtime.Forward(batch));
    }

    private static void Add(ForwardBatch batch, int id, int start, int count, bool wantLogits)
    {
        for (var i = 0; i < count; i++) batch.Add(1000 + (17 * id) + start + i, start + i, id, wantLogits);
    }

    private static void Check(ForwardStatus status)
    {
        if (status != ForwardStatus.Ok) throw new InvalidOperationException($"The runtime answers {status}.");
    }

    private static string Say(double value) => value.ToString("0.00", CultureInfo.InvariantCulture);
}
