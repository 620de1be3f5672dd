using Gemma3Server.Hub;
using Gemma3Server.Hub.Download;

namespace Gemma3Server.Tests.Hub;

public sealed class StorageFaultTests
{
    /// <summary>A real "no space left on device": the device that is always full.</summary>
    [Fact]
    public void Of_FullDevice_SaysThatTheDiskIsFull()
    {
        Assert.SkipUnless(File.Exists("/dev/full"), "there is no /dev/full here");
        using var full = File.OpenHandle("/dev/full", FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        var exception = Assert.ThrowsAny<IOException>(() => RandomAccess.Write(full, new byte[1], 0));
        var fault = StorageFault.Of(exception, "x.gguf");
        Assert.Equal(HubFault.DiskFull, fault.Fault);
        Assert.Equal("The disk is full: 'x.gguf' does not fit. What has come is kept; make room and pull again.", fault.Message);
    }

    [Fact]
    public void Of_AnythingElse_SaysWhatTheSystemSays() =>
        Assert.Equal((HubFault.Storage, "'x.gguf' cannot be written: no way."), (StorageFault.Of(new IOException("no way."), "x.gguf").Fault, StorageFault.Of(new IOException("no way."), "x.gguf").Message));
}
