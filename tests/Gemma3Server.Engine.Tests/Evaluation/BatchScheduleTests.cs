using Gemma3Server.Engine.Evaluation;

namespace Gemma3Server.Engine.Tests.Evaluation;

public sealed class BatchScheduleTests
{
    [Theory]
    [InlineData(1, 16, 16, 1, 16)]
    [InlineData(2, 20, 16, 3, 16)]
    [InlineData(3, 64, 5, 4, 16)]
    [InlineData(4, 8, 64, 4, 32)]
    [InlineData(5, 1, 1, 2, 1)]
    public void Next_RandomDocuments_RunsEachRowOnceInOrderWithinTheBounds(int seed, int rows, int logitsRows, int sequences, int chunk)
    {
        var random = new Random(seed);
        var documents = Enumerable.Range(0, 60).Select(d => Document(random, d)).ToArray();
        var schedule = new BatchSchedule(documents, rows, logitsRows, sequences, chunk);
        var whole = Math.Min(chunk, Math.Min(rows, logitsRows));
        var done = new int[documents.Length];
        var holders = new int?[sequences];

        while (schedule.Next() is { Count: > 0 } plan)
        {
            Assert.True(plan.Sum(c => c.Count) <= rows);
            Assert.True(plan.Sum(c => Enumerable.Range(c.Start, c.Count).Count(documents[c.Document].WantsLogits)) <= logitsRows);
            Assert.Equal(plan.Select(c => c.Sequence).Distinct().Order(), plan.Select(c => c.Sequence));
            foreach (var part in plan)
            {
                Assert.Equal(done[part.Document], part.Start);
                Assert.Equal(part.Document, holders[part.Sequence] ?? part.Document);
                Assert.True(part.Start == 0 || holders[part.Sequence] == part.Document);
                Assert.Equal(0, part.Start % whole);
                Assert.True(part.Count == whole || part.IsLast);
                holders[part.Sequence] = part.IsLast ? null : part.Document;
                done[part.Document] += part.Count;
            }
        }

        Assert.Equal(documents.Select(d => d.RowCount), done);
    }

    [Fact]
    public void Next_ShortDocuments_RunTogether()
    {
        var documents = Enumerable.Range(0, 3).Select(d => new EvaluationDocument($"{d}", new int[5])).ToArray();

        Assert.Equal(3, new BatchSchedule(documents, 16, 16, 4, 16).Next().Count);
    }

    private static EvaluationDocument Document(Random random, int number)
    {
        var tokens = new int[random.Next(1, 50)];
        return new($"{number}", tokens, random.Next(2) == 0 ? null : [.. tokens.Select(_ => random.Next(3) == 0)]);
    }
}
