using Gemma3Server.Hub.Download;

namespace Gemma3Server.Tests.Hub;

public sealed class PartialFileTests : IDisposable
{
    private const int Bytes = 5000;
    private const string Hash = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("gemma3server-partial-");

    private string Data => Path.Combine(_folder.FullName, "x.part");

    private string Journal => Path.Combine(_folder.FullName, "x.ranges");

    [Fact]
    public async Task Open_AfterCommits_KnowsThem()
    {
        await WriteAsync();
        using var file = Open();
        Assert.Equal(2500, file.Done);
        Assert.Equal([new ByteRange(1000, 2000), new ByteRange(2500, 3000), new ByteRange(4000, 5000)], file.Missing(Bytes));
        Assert.Equal(2500, PartialFile.Finished(Data, Journal, Bytes, Hash));
    }

    [Fact]
    public async Task Open_AnotherHashOrLength_BeginsAnew()
    {
        await WriteAsync();
        Assert.Equal(0, PartialFile.Finished(Data, Journal, Bytes, Hash.Replace('0', '1')));
        using (var file = PartialFile.Open(Data, Journal, Bytes, Hash.Replace('0', '1'))) Assert.Equal(0, file.Done);
        await WriteAsync();
        using (var file = PartialFile.Open(Data, Journal, Bytes + 1, Hash)) Assert.Equal(0, file.Done);
        Assert.Equal(Bytes + 1, new FileInfo(Data).Length);
    }

    [Fact]
    public async Task Open_DataIsGone_BeginsAnew()
    {
        await WriteAsync();
        File.Delete(Data);
        using var file = Open();
        Assert.Equal(0, file.Done);
    }

    /// <summary>A kill can cut the journal off anywhere, and a failing machine can leave anything at its end: it never claims what was not committed.</summary>
    [Fact]
    public async Task Open_DamagedJournal_ClaimsNothingThatWasNotCommitted()
    {
        await WriteAsync();
        var journal = await File.ReadAllBytesAsync(Journal, TestContext.Current.CancellationToken);
        bool[] committed = [.. Enumerable.Range(0, Bytes).Select(i => i is < 1000 or (>= 2000 and < 2500) or (>= 3000 and < 4000))];
        var random = new Random(5);
        for (var round = 0; round < 600; round++)
        {
            // Every length first, then bytes that are something else.
            var damaged = round <= journal.Length ? journal[..round] : [.. journal];
            if (round > journal.Length) damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
            await File.WriteAllBytesAsync(Journal, damaged, TestContext.Current.CancellationToken);
            using (var file = Open())
            {
                var missing = file.Missing(Bytes).SelectMany(range => Enumerable.Range((int)range.Start, (int)range.Length)).ToHashSet();
                Assert.All(Enumerable.Range(0, Bytes).Where(i => !committed[i]), i => Assert.Contains(i, missing));
                file.Commit(new(4500, 4600)); // after a damaged line, the next one must count
            }

            using (var file = Open()) Assert.DoesNotContain(file.Missing(Bytes), range => range.Start <= 4500 && range.End > 4500);
        }
    }

    public void Dispose() => _folder.Delete(recursive: true);

    private PartialFile Open() => PartialFile.Open(Data, Journal, Bytes, Hash);

    private async Task WriteAsync()
    {
        File.Delete(Journal);
        using var file = Open();
        await file.WriteAsync(0, new byte[Bytes], TestContext.Current.CancellationToken);
        file.Commit(new(0, 1000));
        file.Commit(new(3000, 4000));
        file.Commit(new(2000, 2500));
        file.Commit(new(5000, 5000));
    }
}
