using System.Diagnostics;
using System.Globalization;
using Gemma3Server.Cli.Bench;
using Gemma3Server.Runtime;
using Gemma3Server.Runtime.LlamaCpp;
using Microsoft.Extensions.Logging.Abstractions;
using Spectre.Console;

namespace Gemma3Server.Benchmarks;

/// <summary>What a step of some streams takes with so many rows of a long prompt in it: the curve that the step budget has to guess.</summary>
internal static class ChunkScenario
{
    private const int Rounds = 7;

    /// <summary>Tokens of the prompt before the chunk.</summary>
    private const int Depth = 1024;

    private static readonly int[] Chunks = [0, 16, 32, 48, 63, 64, 96, 128, 192, 256, 384, 512];

    public static int Run(string model, int streams, bool shared)
    {
        var options = new LlamaCppOptions
        {
            ModelPath = model,
            Parallel = streams + 1,
            ContextLength = 2048,
            Threads = 1,
            SharedCells = shared,
            LibraryDirectory = Environment.GetEnvironmentVariable("GEMMA3SERVER_TEST_LIBRARY"),
        };
        using var runtime = LlamaCppRuntime.Load(options, NullLoggerFactory.Instance);
        var batch = new ForwardBatch();
        for (var position = 0; position < Depth; position += 512) Step(runtime, batch, 0, streams, position, 512);
        using var prompt = runtime.Snapshot(streams, SnapshotScope.Full);
        var (steps, nexts) = (Lists(), Lists());
        for (var round = 0; round <= Rounds; round++)
        {
            for (var i = 0; i < Chunks.Length; i++)
            {
                if (!runtime.Restore(streams, prompt!)) throw new InvalidOperationException("The prompt could not be restored.");
                var start = Stopwatch.GetTimestamp();
                Step(runtime, batch, streams, streams, Depth, Chunks[i]);
                var end = Stopwatch.GetTimestamp();
                Step(runtime, batch, streams, streams, Depth, 0);
                if (round == 0) continue;
                steps[i].Add(Stopwatch.GetElapsedTime(start, end).TotalMilliseconds);
                nexts[i].Add(Stopwatch.GetElapsedTime(end).TotalMilliseconds);
            }
        }

        var table = new Table().AddColumns("rows", "step ms", "times decode", "ms a row", "next decode step ms");
        var decode = steps[0].Median();
        for (var i = 0; i < Chunks.Length; i++)
        {
            var step = steps[i].Median();
            var row = Chunks[i] == 0 ? "" : Cell((step - decode) / Chunks[i], "0.00");
            table.AddRow([$"{Chunks[i]}", Cell(step, "0.0"), Cell(step / decode, "0.00"), row, Cell(nexts[i].Median(), "0.0")]);
        }

        AnsiConsole.Write(table);
        return 0;
    }

    private static List<double>[] Lists() => [.. Chunks.Select(_ => new List<double>())];

    private static string Cell(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);

    private static void Step(LlamaCppRuntime runtime, ForwardBatch batch, int streams, int prompt, int position, int rows)
    {
        batch.Clear();
        for (var i = 0; i < streams; i++) batch.Add(1000 + i, runtime.Length(i), i, wantLogits: true);
        for (var i = 0; i < rows; i++) batch.Add(1000 + (i * 7 % 5000), position + i, prompt, wantLogits: false);
        var status = runtime.Forward(batch);
        if (status != ForwardStatus.Ok) throw new InvalidOperationException($"The step failed: {status}.");
    }
}
