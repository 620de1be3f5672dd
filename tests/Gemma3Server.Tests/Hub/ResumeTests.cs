using Gemma3Server.Catalog;
using Gemma3Server.Hub;
using Gemma3Server.Hub.Download;

namespace Gemma3Server.Tests.Hub;

/// <summary>Downloads that end at any byte, and go on.</summary>
public sealed class ResumeTests
{
    private const int Bytes = 2_500_009;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task Cancel_AtRandomBytes_GoesOnFromThere(int seed)
    {
        await using var hub = await LocalHub.StartAsync();
        hub.ChunkBytes = 8 * 1024;
        var content = hub.Add(PullBench.Repository, PullBench.File, Bytes);
        await using var bench = new PullBench(hub);
        var (random, stops, received) = (new Random(seed), 0, 0L);
        while (true)
        {
            using var stop = new CancellationTokenSource();
            var until = hub.Sent + random.Next(Bytes / 3);
            hub.Gate = () =>
            {
                if (hub.Sent >= until) stop.Cancel();
                return Task.CompletedTask;
            };
            try
            {
                await bench.PullAsync(stop.Token);
                break;
            }
            catch (OperationCanceledException)
            {
                stops++;
                Assert.False(File.Exists(bench.Path));
            }

            // Each pull begins with all that the one before had received.
            var bytes = bench.Statuses.Where(status => status.Phase == PullPhase.Downloading).Select(status => status.Bytes).ToList();
            if (bytes.Count > 0)
            {
                Assert.InRange(bytes[0], received, Bytes);
                received = bytes[^1];
            }

            bench.Statuses.Clear();
        }

        bench.AssertWhole(content);
        Assert.True(stops >= 2, $"{stops} stops");
    }

    /// <summary>The disk as a killed process leaves it, at random moments: the journal first, then the data that may be ahead of it.</summary>
    [Theory]
    [InlineData(21)]
    [InlineData(22)]
    public async Task Kill_AtRandomBytes_TheDiskIsEnoughToGoOn(int seed)
    {
        await using var hub = await LocalHub.StartAsync();
        hub.ChunkBytes = 16 * 1024;
        var content = hub.Add(PullBench.Repository, PullBench.File, Bytes);
        await using var bench = new PullBench(hub);
        await using var after = new PullBench(hub);
        var random = new Random(seed);
        var moments = Enumerable.Range(0, 6).Select(_ => (long)random.Next(Bytes)).Order().ToArray();
        var copies = new List<(byte[] Journal, byte[] Data)>();
        hub.Gate = () =>
        {
            lock (copies)
            {
                if (copies.Count < moments.Length && hub.Sent >= moments[copies.Count]) copies.Add(Copy(bench.Store));
                return Task.CompletedTask;
            }
        };
        await bench.PullAsync();
        hub.Gate = () => Task.CompletedTask;
        Assert.NotEmpty(copies);

        foreach (var (journal, data) in copies)
        {
            var (part, ranges) = (after.Store.PartialOf(PullBench.Repository, PullBench.File), after.Store.JournalOf(PullBench.Repository, PullBench.File));
            Directory.CreateDirectory(Path.GetDirectoryName(part)!);
            await File.WriteAllBytesAsync(part, data, TestContext.Current.CancellationToken);
            await File.WriteAllBytesAsync(ranges, journal, TestContext.Current.CancellationToken);
            var done = PartialFile.Finished(part, ranges, Bytes, LocalHub.Hash(content));
            var sent = hub.Sent;
            await after.PullAsync();
            after.AssertWhole(content);
            Assert.Equal(Bytes - done, hub.Sent - sent);
            after.Store.Remove(PullBench.Repository, PullBench.File);
        }
    }

    private static (byte[] Journal, byte[] Data) Copy(ModelStore store) => (
        Read(store.JournalOf(PullBench.Repository, PullBench.File)), Read(store.PartialOf(PullBench.Repository, PullBench.File)));

    private static byte[] Read(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        var bytes = new byte[file.Length];
        file.ReadExactly(bytes);
        return bytes;
    }
}
