using Gemma3Server.Planning;

namespace Gemma3Server.Tests.Planning;

public sealed class PlanValuesTests
{
    [Theory]
    [InlineData("24GB", 24L << 30)]
    [InlineData("24", 24L << 30)]
    [InlineData("24 GiB", 24L << 30)]
    [InlineData("24g", 24L << 30)]
    [InlineData("7.5gb", 15L << 29)]
    [InlineData("512MB", 512L << 20)]
    [InlineData("4096GB", 4096L << 30)]
    public void Bytes_Size_IsRead(string text, long bytes)
    {
        Assert.Equal(bytes, PlanValues.Bytes(text, out var fault));
        Assert.Null(fault);
    }

    [Theory]
    [InlineData("0")]
    [InlineData("-1")]
    [InlineData("511MB")]
    [InlineData("4097GB")]
    [InlineData("24TB")]
    [InlineData("GB")]
    [InlineData("")]
    [InlineData("1e3")]
    [InlineData("9999999999999999999GB")]
    public void Bytes_NoSize_IsRefusedWithBoundAndValue(string text)
    {
        Assert.Null(PlanValues.Bytes(text, out var fault));
        Assert.Equal($"must be from 512MB to 4096GB, such as 24GB, but is '{text}'", fault);
    }

    [Theory]
    [InlineData("16k", 16_384)]
    [InlineData("128K", 131_072)]
    [InlineData("131072", 131_072)]
    [InlineData("1", 1)]
    public void Context_Number_IsRead(string text, int tokens) => Assert.Equal(tokens, PlanValues.Context(text, out _));

    [Theory]
    [InlineData("0")]
    [InlineData("131073")]
    [InlineData("129k")]
    [InlineData("k")]
    [InlineData("-5")]
    [InlineData("9999999999k")]
    public void Context_NoNumber_IsRefused(string text)
    {
        Assert.Null(PlanValues.Context(text, out var fault));
        Assert.Equal($"must be a number of tokens such as 8192 or 16k from 1 to 131072, but is '{text}'", fault);
    }

    [Theory]
    [InlineData("0")]
    [InlineData("257")]
    [InlineData("1k")]
    [InlineData("two")]
    public void Users_NoNumber_IsRefused(string text)
    {
        Assert.Null(PlanValues.Users(text, out var fault));
        Assert.Equal($"must be a whole number from 1 to 256, but is '{text}'", fault);
    }

    [Fact]
    public void Kv_Type_IsReadWhateverItsCase() => Assert.Equal("q8_0", PlanValues.Kv("Q8_0", out _));

    [Theory]
    [InlineData("0")]
    [InlineData("1e9")]
    [InlineData("fast")]
    public void Bandwidth_NoNumber_IsRefused(string text)
    {
        Assert.Null(PlanValues.Bandwidth(text, out var fault));
        Assert.Equal($"must be from 1 to 100000 GB a second, but is '{text}'", fault);
    }
}
