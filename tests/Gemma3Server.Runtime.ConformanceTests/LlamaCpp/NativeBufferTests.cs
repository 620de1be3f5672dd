using Gemma3Server.Runtime.LlamaCpp.Handles;

namespace Gemma3Server.Runtime.ConformanceTests.LlamaCpp;

public sealed unsafe class NativeBufferTests
{
    [Fact]
    public void Ensure_AfterMemoryRanOut_AllocatesAgain()
    {
        using var buffer = new NativeBuffer();
        buffer.Ensure(100)[99] = 1;
        Assert.Throws<OutOfMemoryException>(() => { buffer.Ensure(long.MaxValue); });
        Assert.True(buffer.Ensure(100) != null);
        Assert.False(buffer.IsInvalid);
    }
}
