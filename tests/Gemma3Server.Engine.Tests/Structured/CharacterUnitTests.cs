using Gemma3Server.Engine.Structured.Automata;

namespace Gemma3Server.Engine.Tests.Structured;

/// <summary>What a grammar does not tell apart, among the characters that tokens are told apart by.</summary>
public sealed class CharacterUnitTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(9)]
    [InlineData(256)]
    public void All_AnyClasses_HaveEachGroupOnceAndEachClassOfItsBytes(int classes)
    {
        var random = new Random(classes);
        var classOf = Enumerable.Range(0, 256).Select(_ => (byte)random.Next(classes)).ToArray();
        var (seen, weight) = (default(GroupSet), 0);
        foreach (var (groups, unitWeight, ways) in CharacterUnit.All(classOf))
        {
            Assert.False(groups.IsEmpty || groups.Meets(seen));
            (seen, weight) = (seen | groups, weight + unitWeight);
            for (var group = 0; group < ByteGroups.Ascii.Length; group++)
            {
                if (!groups.Contains(group)) continue;
                Assert.Equal(
                    ByteGroups.Ascii[group].Select(value => classOf[value]).Distinct().Order(), Assert.Single(Assert.Single(ways)).Select(value => classOf[value]).Order());
            }
        }

        Assert.Equal(ByteGroups.All, seen);
        Assert.Equal(128 + ByteGroups.Longer.Length, weight);
    }

    [Fact]
    public void Of_EveryByte_IsItsGroupOrNone()
    {
        for (var value = 0; value < 256; value++)
        {
            var begins = value is < 0x80 or (>= 0xC2 and <= 0xF4);
            Assert.Equal(begins ? 1 : 0, (ByteGroups.Of((byte)value) & ByteGroups.All).Count);
            Assert.Equal(!begins, ByteGroups.Of((byte)value) == ByteGroups.Partial);
        }
    }
}
