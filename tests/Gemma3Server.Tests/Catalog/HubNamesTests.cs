using Gemma3Server.Catalog;

namespace Gemma3Server.Tests.Catalog;

public sealed class HubNamesTests
{
    [Theory]
    [InlineData("google/gemma-3-4b-it-qat-q4_0-gguf", true)]
    [InlineData("a/b.c_d", true)]
    [InlineData("a", false)]
    [InlineData("a/b/c", false)]
    [InlineData("../b", false)]
    [InlineData("a/..", false)]
    [InlineData("a/b..c", false)]
    [InlineData("a/b\n", false)]
    [InlineData("/b", false)]
    public void IsRepository_Text_IsOwnerAndName(string text, bool expected) => Assert.Equal(expected, HubNames.IsRepository(text));

    [Theory]
    [InlineData("x.gguf", true)]
    [InlineData("sub/folder/x y.gguf", true)]
    [InlineData("../x.gguf", false)]
    [InlineData("a/../../x.gguf", false)]
    [InlineData("/etc/passwd", false)]
    [InlineData("a//x", false)]
    [InlineData(".pull/x", false)]
    [InlineData("a\\b", false)]
    [InlineData("a\0b", false)]
    [InlineData("", false)]
    public void IsFile_Path_StaysBelowItsRoot(string path, bool expected) => Assert.Equal(expected, HubNames.IsFile(path));

    [Theory]
    [InlineData("x.gguf", 1, "x.gguf")]
    [InlineData("a/x-00002-of-00003.gguf", 3, "a/x-00001-of-00003.gguf")]
    [InlineData("x-00001-of-99999.gguf", 1, "x-00001-of-99999.gguf")]
    [InlineData("x-00001-of-00000.gguf", 1, "x-00001-of-00000.gguf")]
    public void Shards_Path_AreAllFilesOfTheModel(string path, int count, string first)
    {
        var shards = HubNames.Shards(path);
        Assert.Equal((count, first), (shards.Count, shards[0]));
    }
}
