using Gemma3Pocket.Curriculum;
using Gemma3Pocket.Data;

namespace Gemma3Pocket.Tests.Support;

/// <summary>Lessons of random tokens, several in a row and one longer than the window.</summary>
internal static class PackedLessons
{
    public const int Width = 320;
    private static readonly int[] Lengths = [210, 70, 30, 150, 131];

    /// <summary>The tokens of every lesson; the last one of each is a target only.</summary>
    public static int[][] Create(int vocabulary)
    {
        var random = new Random(7);
        // Above the control tokens and the pieces of single bytes.
        return [.. Lengths.Select(length => Enumerable.Range(0, length + 1).Select(_ => random.Next(270, vocabulary)).ToArray())];
    }

    /// <summary>All of them in one batch, every token selected, lesson by lesson.</summary>
    public static Batch Pack(int[][] lessons)
    {
        var packer = new LessonPacker(2, Width);
        foreach (var tokens in lessons)
            Assert.True(packer.TryAdd(new EncodedLesson { Tokens = tokens, IsAnswer = [.. tokens.Select(_ => true)] }));
        return packer.ToBatch();
    }
}
