-- Losses of the tutorial's trainings, computed in float64 by an independent implementation in NumPy,
-- without shuffling. Weights: RandomState(weights_seed); for each layer uniform(-l, l) with
-- l = wscale sqrt(6 / inputs) for the kernel (wscale 1 unless given), then uniform(-0.1, 0.1) for the
-- bias, each cast to float32.

return {
  tutorial_clipnorm = {
    config = {
      n = 1000,
      features = 20,
      data_seed = 1,
      weights_seed = 7,
      train = 500,
      batch = 32,
      epochs = 5,
      loss = "mse",
      layers = {
        {
          25,
          "relu",
        },
        {
          1,
          "linear",
        },
      },
      opt = {
        lr = 0.01,
        momentum = 0.9,
        clipnorm = 1.0,
      },
    },
    expected = {
      epoch_loss = { 20379.115780085493, 19981.549997166236, 19144.18469202033, 17620.88181588824, 15425.95577406987 },
      val_loss = { 26008.36481521356, 25323.393765446508, 23917.425230141336, 21652.98076263005, 18648.388117530867 },
      first_steps = {
        {
          loss = 20231.341444800455,
          grad_norm = 449.80463853546524,
        },
        {
          loss = 16288.136726941266,
          grad_norm = 355.0639725927205,
        },
        {
          loss = 12172.891773281644,
          grad_norm = 292.859998504799,
        },
        {
          loss = 15301.047369310101,
          grad_norm = 383.94373693327555,
        },
        {
          loss = 20839.998414685637,
          grad_norm = 405.4073442310517,
        },
        {
          loss = 23821.4259290294,
          grad_norm = 513.6604601759975,
        },
      },
      final_weights_sum = { -2.957692787311762, 15.778289735021069, -1.712446721531439, -0.3197006439778533 },
    },
  },
  tutorial_global_clipnorm = {
    config = {
      n = 1000,
      features = 20,
      data_seed = 1,
      weights_seed = 7,
      train = 500,
      batch = 32,
      epochs = 5,
      loss = "mse",
      layers = {
        {
          25,
          "relu",
        },
        {
          1,
          "linear",
        },
      },
      opt = {
        lr = 0.01,
        momentum = 0.9,
        global_clipnorm = 1.0,
      },
    },
    expected = {
      epoch_loss = { 20404.987113664436, 20163.090481787163, 19800.545454624356, 19254.923113343048, 18485.524264118798 },
      val_loss = { 26103.576629086863, 25744.15066249298, 25206.672912642076, 24414.72260575185, 23339.79136404214 },
      first_steps = {
        {
          loss = 20231.341444800455,
          grad_norm = 449.80463853546524,
        },
        {
          loss = 16288.663116089381,
          grad_norm = 355.0227421490332,
        },
        {
          loss = 12174.58753485099,
          grad_norm = 293.921827247294,
        },
        {
          loss = 15307.287143962461,
          grad_norm = 381.72255987232245,
        },
        {
          loss = 20846.91911262992,
          grad_norm = 405.8153225257488,
        },
        {
          loss = 23836.523167500167,
          grad_norm = 513.0310047931073,
        },
      },
      final_weights_sum = { -0.49311573297398503, 2.923553835517999, -0.9920995106513801, -0.11705599206523427 },
    },
  },
  tutorial_clipvalue = {
    config = {
      n = 1000,
      features = 20,
      data_seed = 1,
      weights_seed = 7,
      train = 500,
      batch = 32,
      epochs = 5,
      loss = "mse",
      layers = {
        {
          25,
          "relu",
        },
        {
          1,
          "linear",
        },
      },
      opt = {
        lr = 0.01,
        momentum = 0.9,
        clipvalue = 5.0,
      },
    },
    expected = {
      epoch_loss = { 11160.389401003256, 3733.9446255587427, 742.6482281784321, 490.0672462829843, 307.27196811357487 },
      val_loss = { 10235.194304164223, 1302.9406294907621, 555.3640214486114, 241.55221797044845, 228.87112675295242 },
      first_steps = {
        {
          loss = 20231.341444800455,
          grad_norm = 449.80463853546524,
        },
        {
          loss = 16248.104777364775,
          grad_norm = 366.5392617914798,
        },
        {
          loss = 11982.940910343968,
          grad_norm = 318.7777204119788,
        },
        {
          loss = 14756.977864989603,
          grad_norm = 527.4013406555765,
        },
        {
          loss = 19738.835906989625,
          grad_norm = 793.3854468667221,
        },
        {
          loss = 21584.565404377154,
          grad_norm = 1153.0280591844319,
        },
      },
      final_weights_sum = { -9.863109505572044, -50.706758620418796, 1.3884489436426655, -4.9571855005082694 },
    },
  },
  tutorial_norm_then_value = {
    config = {
      n = 1000,
      features = 20,
      data_seed = 1,
      weights_seed = 7,
      train = 500,
      batch = 32,
      epochs = 5,
      loss = "mse",
      layers = {
        {
          25,
          "relu",
        },
        {
          1,
          "linear",
        },
      },
      opt = {
        lr = 0.01,
        momentum = 0.9,
        clipnorm = 1.0,
        clipvalue = 0.2,
      },
    },
    expected = {
      epoch_loss = { 20393.584763521165, 20093.426300859446, 19566.329455285315, 18667.659845817067, 17338.099416471854 },
      val_loss = { 26064.215696406765, 25588.184333485347, 24739.016926849312, 23370.613453065955, 21474.31124589666 },
      first_steps = {
        {
          loss = 20231.341444800455,
          grad_norm = 449.80463853546524,
        },
        {
          loss = 16288.757010152905,
          grad_norm = 354.9720885310481,
        },
        {
          loss = 12173.949571790863,
          grad_norm = 292.90062496993,
        },
        {
          loss = 15304.814754140505,
          grad_norm = 383.83098589514594,
        },
        {
          loss = 20844.22310272171,
          grad_norm = 405.3358201806451,
        },
        {
          loss = 23832.281446338646,
          grad_norm = 512.8279390759351,
        },
      },
      final_weights_sum = { -0.6997182889561686, 10.789017918547708, -0.4364620758385467, -0.2609056870464629 },
    },
  },
  standardized_plain = {
    config = {
      n = 1000,
      features = 20,
      data_seed = 1,
      weights_seed = 7,
      train = 500,
      batch = 32,
      epochs = 5,
      loss = "mse",
      layers = {
        {
          25,
          "relu",
        },
        {
          1,
          "linear",
        },
      },
      standardize_y = true,
      opt = {
        lr = 0.01,
        momentum = 0.9,
      },
    },
    expected = {
      epoch_loss = { 1.3542401183100146, 0.33859494618001523, 0.15431515793141726, 0.10549955594946998, 0.08348338103025729 },
      val_loss = { 0.6078438457781813, 0.23602308658418575, 0.1372860491588234, 0.10596693135098573, 0.0940380298631388 },
      first_steps = {
        {
          loss = 1.5015424001074917,
          grad_norm = 3.6010368648319027,
        },
        {
          loss = 3.6023457953412397,
          grad_norm = 6.238434219351104,
        },
        {
          loss = 2.507599705073545,
          grad_norm = 6.0572767596745845,
        },
        {
          loss = 1.7702367318624899,
          grad_norm = 3.755206041569657,
        },
        {
          loss = 1.565012182455974,
          grad_norm = 3.890726606380871,
        },
        {
          loss = 1.6075302012235229,
          grad_norm = 3.4895566299378222,
        },
      },
      final_weights_sum = { 1.570844290414518, -0.48103239908568013, 0.1250802910769307, -0.08033839284447333 },
    },
  },
  nesterov = {
    config = {
      n = 1000,
      features = 20,
      data_seed = 1,
      weights_seed = 7,
      train = 500,
      batch = 32,
      epochs = 5,
      loss = "mse",
      layers = {
        {
          25,
          "relu",
        },
        {
          1,
          "linear",
        },
      },
      standardize_y = true,
      opt = {
        lr = 0.02,
        momentum = 0.8,
        nesterov = true,
      },
    },
    expected = {
      epoch_loss = { 0.9702511529944233, 0.2046972501013006, 0.1285914361188835, 0.09966565559423819, 0.08098855329898437 },
      val_loss = { 0.32870255280853145, 0.17445650924995548, 0.1326186608982367, 0.11040033298994383, 0.09511506906088182 },
      first_steps = {
        {
          loss = 1.5015424001074917,
          grad_norm = 3.6010368648319027,
        },
        {
          loss = 3.41962322017479,
          grad_norm = 6.0192179424715935,
        },
        {
          loss = 1.8619997418415553,
          grad_norm = 4.989236282711675,
        },
        {
          loss = 1.1384918395432528,
          grad_norm = 2.5850097821857028,
        },
        {
          loss = 0.9446865451810798,
          grad_norm = 2.7552087861997263,
        },
        {
          loss = 1.1392512924206246,
          grad_norm = 2.8745209457425536,
        },
      },
      final_weights_sum = { 1.799551538386353, 0.1942625871821614, 0.1824351560500027, -0.08942523634727009 },
    },
  },
}
